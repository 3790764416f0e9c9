#include "orchestration/plan/update_planner.hpp"

#include <algorithm>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/difference.hpp"
#include "orchestration/plan/health_budget.hpp"
#include "orchestration/plan/joined.hpp"
#include "orchestration/project/create_body.hpp"
#include "orchestration/project/dependency_order.hpp"
#include "orchestration/project/pin.hpp"

namespace orchestration {
namespace {

bool is_only_built(const service& s) { return s.builds && s.image_template.empty(); }

goal goal_of(start_condition condition) {
  switch (condition) {
    case start_condition::started:
      return goal::started;
    case start_condition::healthy:
      return goal::healthy;
    case start_condition::completed_successfully:
      return goal::completed;
  }
  return goal::started;
}

api_version version_of(const observed_state& observed) { return {observed.api_major, observed.api_minor}; }

}  // namespace

std::string join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

void update_planner::note_once(const std::string& text) {
  if (std::find(out_.notes.begin(), out_.notes.end(), text) == out_.notes.end()) note(text);
}

std::string name_with_place(const project& p, const service& s) {
  if (!s.image_place.file.empty()) return "service " + s.name + " (" + to_text(s.image_place) + ")";
  return "service " + s.name + (p.config_files.empty() ? "" : " (" + p.config_files.front() + ")");
}

update_planner::update_planner(const project& desired, const observed_state& observed, const reconcile_options& options)
    : desired_(desired), observed_(observed), options_(options) {}

intention update_planner::decide() {
  refuse_dead(observed_);
  out_.project = desired_.name;
  index_containers();
  read_order();
  read_scope();
  listen_for_dialect();
  // In order of dependency, so that what a service joins is decided before it.
  for (int level = 0; level <= last_level_; ++level)
    for (const auto& [name, s] : desired_.services)
      if (level_.at(name) == level) decide_service(s);
  leave_strangers();
  check_left_behind();
  restart_dependents();
  require_resources();
  choose_pulls();
  if (risks_data()) choose_snapshot();
  rest_with_joined(out_);
  if (options_.pin && options_.pin->value != options_.pin->previous) out_.pins.push_back(*options_.pin);
  out_.image_pins = options_.image_pins;
  look_ahead();
  return std::move(out_);
}

// --- what is there ---------------------------------------------------------------------------------------------

void update_planner::index_containers() {
  for (const observed_container& c : observed_.containers) {
    if (belongs_to_attempt(c.name)) {
      note("container " + c.name +
           " is left over from an earlier attempt. See it with docker inspect, remove it with: "
           "docker rm " +
           c.name);
      continue;
    }
    auto [place, is_new] = found_[c.service].emplace(c.number, &c);
    if (is_new) continue;
    // Of two with the same number, the one that bears the name is meant.
    const auto known = desired_.services.find(c.service);
    const bool named = known != desired_.services.end() && c.name == container_name(desired_, known->second, c.number);
    duplicates_.push_back(named ? place->second : &c);
    if (named) place->second = &c;
  }
}

void update_planner::read_order() {
  try {
    const std::vector<std::vector<std::string>> levels = start_order(desired_);
    for (std::size_t i = 0; i < levels.size(); ++i)
      for (const std::string& name : levels[i]) level_[name] = static_cast<int>(i);
    last_level_ = static_cast<int>(levels.size());
  } catch (const dependency_cycle& cycle) {
    throw plan_error(std::string(cycle.what()) + ". Remove one of these dependencies.");
  }
  for (const auto& [name, s] : desired_.services)
    for (const dependency& d : s.depends_on) {
      goal& asked = asked_.try_emplace(d.service, goal::started).first->second;
      asked = std::max(asked, goal_of(d.condition));
    }
}

void update_planner::listen_for_dialect() {
  std::vector<const observed_container*> containers;
  joined_ids joined;
  for (const auto& [name, by_number] : found_)
    for (const auto& [number, c] : by_number) containers.push_back(c);
  for (const auto& [name, s] : desired_.services) joined[name] = ids_of_joined(s);
  dialect_ = dialect_of(desired_, containers, joined);
}

void update_planner::read_scope() {
  for (const std::string& name : options_.services) {
    if (desired_.services.contains(name)) continue;
    const auto& off = desired_.disabled;
    if (std::find(off.begin(), off.end(), name) != off.end())
      throw plan_error("service " + name + " is switched off by its profiles. Switch it on with --profile.");
    throw plan_error("there is no service " + name + " in " + join(desired_.config_files) + ".");
  }
  if (options_.services.empty()) {
    for (const auto& [name, s] : desired_.services) scope_.insert(name);
    return;
  }
  // As compose does: what a chosen service depends on is made when it is missing, and else left alone.
  for (const std::string& name : with_dependencies(options_.services))
    if (options_.services.contains(name) || !found_.contains(name)) scope_.insert(name);
}

std::set<std::string> update_planner::with_dependencies(std::set<std::string> services) const {
  std::vector<std::string> open(services.begin(), services.end());
  while (!open.empty()) {
    const auto s = desired_.services.find(open.back());
    open.pop_back();
    if (s == desired_.services.end()) continue;
    for (const dependency& d : s->second.depends_on)
      if (desired_.services.contains(d.service) && services.insert(d.service).second) open.push_back(d.service);
  }
  return services;
}

const observed_container* update_planner::find(const std::string& service, int number) const {
  const auto of_service = found_.find(service);
  if (of_service == found_.end()) return nullptr;
  const auto found = of_service->second.find(number);
  return found == of_service->second.end() ? nullptr : found->second;
}

// --- services --------------------------------------------------------------------------------------------------

void update_planner::decide_service(const service& s) {
  if (!in_scope(s.name)) return leave_service(s, "");
  if (is_only_built(s)) return leave_service(s, "service " + s.name + " is built, not pulled: left alone");
  const std::map<std::string, std::string> joined = ids_of_joined(s);
  desired_container wanted{desired_, s, hashes_of(s, joined), "", false, joined};
  const auto digest = options_.digests.find(s.image);
  wanted.resolved = digest != options_.digests.end();
  wanted.image_id = local_image_id(observed_, s.image, wanted.resolved ? digest->second : std::string());
  decide_replicas(s, wanted);
}

intended_container update_planner::skeleton(const service& s, int number) const {
  intended_container c;
  c.service = s.name;
  c.number = number;
  c.name = container_name(desired_, s, number);
  c.found = find(s.name, number);
  c.level = level_.at(s.name);
  for (const dependency& d : s.depends_on) c.needs.insert(d.service);
  const auto asked = asked_.find(s.name);
  if (asked != asked_.end()) c.until = asked->second;
  return c;
}

void update_planner::decide_replica(const service& s, int number, const std::vector<std::string>& causes,
                                    const desired_container& wanted) {
  intended_container c = skeleton(s, number);
  c.causes = causes;
  if (c.causes.empty()) {
    intended_container kept = left_alone(*c.found, proof::yes);
    if (kept.expected == run_state::stopped)
      note(c.subject() + (c.until == goal::completed
                              ? " exited with code " + std::to_string(c.found->exit_code) + " and is not run again"
                              : " is stopped and stays so"));
    out_.containers.push_back(std::move(kept));
    return;
  }
  c.how = c.found == nullptr ? treatment::create : treatment::replace;
  make_new(c, s, wanted);
  explain(c, s);
  c.cause = join(c.causes);
  plan_ending(c, s);
  out_.containers.push_back(std::move(c));
}

// --- in words --------------------------------------------------------------------------------------------------

std::string update_planner::near(const std::string& file) const {
  const std::string folder = desired_.working_dir.string() + "/";
  return file.starts_with(folder) ? file.substr(folder.size()) : file;
}

void update_planner::look_ahead() {
  for (service_outlook& each : tags_in(desired_)) out_.outlooks.emplace(each.service, each);
}

bool update_planner::differs_by_image_alone(const intended_container& c, const service& s) const {
  if (c.found->image_reference == s.image) return false;
  service before = s;
  before.document["image"] = c.found->image_reference;
  const std::vector<std::string> hashes = hashes_of(before, ids_of_joined(s));
  return std::find(hashes.begin(), hashes.end(), c.found->config_hash) != hashes.end();
}

void update_planner::explain(intended_container& c, const service& s) const {
  if (c.found == nullptr || c.found->config_hash.empty() || !s.found.empty()) return;
  const auto vague = std::find(c.causes.begin(), c.causes.end(), configuration_changed);
  const bool other_image = c.found->image_reference != s.image;
  if (vague == c.causes.end() && (!other_image || differs_by_image_alone(c, s))) return;
  difference_context context;
  if (const auto image = observed_.image_configs.find(c.found->image_id); image != observed_.image_configs.end())
    context.image_config = image->second;
  for (const auto& [variable, file] : s.from_env_files) context.env_files[variable] = near(file);
  if (options_.pin) {
    context.pin_variable = options_.pin->variable;
    context.pin_file = near(options_.pin->file);
  }
  for (const auto& [network, endpoint] : c.request.connect_after) context.connect_after.push_back(network);
  const std::vector<std::string> found = differences(*c.found, c.request.body, context);
  if (vague != c.causes.end() && !found.empty()) c.causes.erase(vague);
  c.causes.insert(c.causes.end(), found.begin(), found.end());
}

void update_planner::make_new(intended_container& c, const service& s, const desired_container& wanted) {
  check_can_be_fetched(s);
  create_context context;
  context.api = version_of(observed_);
  put_identity(context, c.request, s);
  // Dialects of other releases are told by their version label next time as well.
  if (dialect_.hash != hash_dialect::compose_2_30 && !dialect_.version.empty()) context.version = dialect_.version;
  create_request made;
  try {
    made = make_create_request(desired_, s, c.number, context);
  } catch (const create_body_error& error) {
    throw plan_error(name_with_place(desired_, s) + ": " + error.what());
  }
  c.config_hash = made.body.string_at({"Labels", "com.docker.compose.config-hash"});
  c.networks = network_names(s);
  c.volumes = volume_names(s);

  const docker::json* check = made.body.find("Healthcheck");
  const bool says_nothing = check == nullptr || check->find("Test") == nullptr;
  const auto image = observed_.images.find(s.image);
  const bool of_image = !wanted.image_id.empty() && image->second.declares_health_check;
  c.has_health_check = is_health_check(check) || (says_nothing && of_image);
  // An image not yet here may bring a health check of its own.
  const bool may_have = c.has_health_check || (says_nothing && wanted.image_id.empty());
  c.start_budget = may_have ? health_budget(check == nullptr ? docker::json() : *check) : running_budget;
  if (may_have && options_.health_budget) c.start_budget = *options_.health_budget;

  for (const std::string& warning : made.warnings) note_once(warning);

  c.request.image = s.image;
  const auto digest = options_.digests.find(s.image);
  if (digest != options_.digests.end()) c.request.digest = digest->second;
  c.request.platform = made.platform;
  c.request.body = std::move(made.body);
  c.request.files = to_json(made.files);
  c.request.connect_after = std::move(made.connect_after);
}

void update_planner::plan_ending(intended_container& c, const service& s) {
  c.starts = true;
  c.expected = run_state::running;
  if (c.until == goal::completed) {
    c.expected = run_state::completed;
    return;
  }
  if (c.found == nullptr) return;
  if (c.found->state == container_state::paused) c.expected = run_state::paused;
  if (is_up(*c.found) || options_.services.contains(s.name)) return;
  c.starts = false;
  c.expected = run_state::stopped;
  note(c.subject() + " is stopped: it is replaced, but not started. To start it: docker compose start " + s.name);
}

std::set<std::string> update_planner::network_names(const service& s) const {
  std::set<std::string> out;
  for (const std::string& key : s.networks)
    if (const auto n = desired_.networks.find(key); n != desired_.networks.end()) out.insert(n->second.name);
  return out;
}

std::set<std::string> update_planner::volume_names(const service& s) const {
  std::set<std::string> out;
  for (const service_mount& m : s.mounts)
    if (const auto v = desired_.volumes.find(m.source); m.kind == mount_kind::volume && v != desired_.volumes.end())
      out.insert(v->second.name);
  return out;
}

// --- what is left alone ----------------------------------------------------------------------------------------

intended_container update_planner::left_alone(const observed_container& c, proof when_sound) const {
  intended_container out;
  out.service = c.service;
  out.number = c.number;
  out.name = c.name;
  out.found = &c;
  out.has_health_check = has_health_check(c);
  out.start_budget = start_budget_of(c, options_);
  // Who is in no file may depend on anything: stopped first, started last.
  const auto level = level_.find(c.service);
  out.level = level == level_.end() ? last_level_ : level->second;
  if (const auto s = desired_.services.find(c.service); s != desired_.services.end())
    for (const dependency& d : s->second.depends_on) out.needs.insert(d.service);
  const auto asked = asked_.find(c.service);
  const bool one_shot = asked != asked_.end() && asked->second == goal::completed;
  if (asked != asked_.end() && !one_shot && !was_unsound(c)) out.until = asked->second;
  out.expected = state_at_rest(c, one_shot);
  out.proven = was_unsound(c) ? proof::no : when_sound;
  return out;
}

void update_planner::leave_service(const service& s, const std::string& text) {
  if (!text.empty()) note(text);
  if (const auto found = found_.find(s.name); found != found_.end())
    for (const auto& [number, c] : found->second) out_.containers.push_back(left_alone(*c, proof::no));
}

void update_planner::leave_strangers() {
  for (const observed_container* c : duplicates_) {
    note(
        "container " + c->name + " also stands for " + c->service + "." + std::to_string(c->number) +
        ": left alone, as of two with one number only one could be come back to. docker compose counts both; to remove "
        "it: docker rm --force " +
        c->name);
    out_.containers.push_back(left_alone(*c, proof::no));
  }
  const auto& off = desired_.disabled;
  for (const auto& [name, containers] : found_) {
    if (desired_.services.contains(name)) continue;
    const bool switched_off = std::find(off.begin(), off.end(), name) != off.end();
    note("service " + name + (switched_off ? " is switched off by its profiles" : " is in no file") + ": left alone");
    for (const auto& [number, c] : containers) out_.containers.push_back(left_alone(*c, proof::no));
  }
}

std::set<std::string> update_planner::changed_services() const {
  std::set<std::string> out;
  for (const intended_container& c : out_.containers)
    if (c.makes_new()) out.insert(c.service);
  return out;
}

plan plan_update(const project& desired, const observed_state& observed, const reconcile_options& options) {
  return assemble(update_planner(desired, observed, options).decide(), options);
}

std::vector<service_outlook> tags_in(const project& desired) {
  std::vector<service_outlook> all;
  for (const auto& [name, s] : desired.services) {
    tag_origin origin = origin_of_tag(desired, s);
    service_outlook& out = all.emplace_back();
    out.service = name;
    out.action = "nothing";
    out.image = s.image;
    out.tag = std::move(origin.tag);
    out.tag_source = std::move(origin.source);
    out.tag_variable = std::move(origin.variable);
    out.tag_file = std::move(origin.where.file);
    out.tag_line = origin.where.line;
    out.tag_text = std::move(origin.text);
  }
  return all;
}

}  // namespace orchestration
