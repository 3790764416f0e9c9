// Intention → operations. The order of phases and of services within them is decided here and nowhere else.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/intention.hpp"

namespace orchestration {
namespace {

using numbers = std::vector<int>;

void append(numbers& to, const numbers& more) { to.insert(to.end(), more.begin(), more.end()); }

// A policy that brings a stopped container back at the engine's next start.
bool is_armed(const observed_container& c) {
  const docker::json policy = restart_policy_of(c);
  const std::string name = policy.string_at({"Name"});
  return !name.empty() && name != "no";
}

class assembler {
 public:
  assembler(intention wanted, const reconcile_options& options) : wanted_(std::move(wanted)), options_(options) {}

  plan assemble() {
    out_.project = wanted_.project;
    out_.attempt_id = options_.attempt_id;
    out_.notes = std::move(wanted_.notes);
    sort_by_start();
    out_.services = outlooks_of(wanted_);
    if (changes_containers()) {
      fetch();
      prepare();
      cut_over();
      restore();
      start();
      verify();
    } else if (wanted_.proves_unchanged) {
      verify();
    }
    pin();
    commit();
    return std::move(out_);
  }

 private:
  int add(phase when, action what, std::string cause, numbers after) {
    std::sort(after.begin(), after.end());
    after.erase(std::unique(after.begin(), after.end()), after.end());
    operation o;
    o.number = static_cast<int>(out_.operations.size()) + 1;
    o.when = when;
    o.what = std::move(what);
    o.cause = std::move(cause);
    o.after = std::move(after);
    out_.operations.push_back(std::move(o));
    return out_.operations.back().number;
  }

  bool changes_containers() const {
    return std::any_of(wanted_.containers.begin(), wanted_.containers.end(),
                       [](const intended_container& c) { return c.how != treatment::leave; });
  }

  void sort_by_start() {
    std::sort(wanted_.containers.begin(), wanted_.containers.end(), [](const auto& a, const auto& b) {
      return std::tie(a.level, a.service, a.number, a.name) < std::tie(b.level, b.service, b.number, b.name);
    });
  }

  // Dependents first, and within a level the order of the services.
  std::vector<const intended_container*> by_stop() const {
    std::vector<const intended_container*> out;
    for (const intended_container& c : wanted_.containers) out.push_back(&c);
    std::stable_sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->level > b->level; });
    return out;
  }

  container_ref ref(const intended_container& c) const {
    container_ref out;
    out.subject = c.subject();
    if (!c.makes_new()) out.id = c.found->id;
    return out;
  }
  static container_ref found_ref(const intended_container& c) { return {c.subject(), c.found->id}; }

  static numbers known(const std::map<std::string, int>& from, const std::string& name) {
    const auto found = from.find(name);
    return found == from.end() ? numbers{} : numbers{found->second};
  }

  // --- pull ---

  void fetch() {
    for (intended_pull& each : wanted_.pulls) {
      const std::string reference = each.what.reference;
      pulled_[reference] = add(phase::pull, std::move(each.what), each.cause, {});
    }
    std::set<std::string> kept;
    for (const intended_container& c : wanted_.containers) keep_image_of(c, kept);
  }

  void keep_image_of(const intended_container& c, std::set<std::string>& kept) {
    if (options_.from_release == 0 || (c.how != treatment::replace && c.how != treatment::retire)) return;
    keep_image keep;
    keep.image_id = c.found->image_id;
    keep.keep_as = kept_image_name(wanted_.project, c.service, options_.from_release);
    // Replicas of different images share the release's name: the first one is as good as any for the way back by id.
    if (!kept.insert(keep.keep_as).second) return;
    add(phase::pull, std::move(keep), "the way back to r" + std::to_string(options_.from_release), {});
  }

  // --- create ---

  void prepare() {
    for (ensure_network& n : wanted_.networks) {
      const std::string name = n.name;
      networks_[name] = add(phase::create, std::move(n), "not there yet", {});
    }
    for (ensure_volume& v : wanted_.volumes) {
      const std::string name = v.name;
      volumes_[name] = add(phase::create, std::move(v), "not there yet", {});
    }
    for (const intended_container& c : wanted_.containers)
      if (c.makes_new()) create(c);
  }

  void create(const intended_container& c) {
    create_container request = c.request;
    request.target = ref(c);
    request.name = c.name;
    request.temporary_name = name_is_taken(c) ? name_of_new(c.name, options_.attempt_id) : c.name;
    request.replaces = c.found == nullptr ? std::string() : c.found->id;
    add_attempt_labels(request.body, c.subject(), options_);
    numbers after = known(pulled_, request.image);
    for (const std::string& name : c.networks) append(after, known(networks_, name));
    for (const std::string& name : c.volumes) append(after, known(volumes_, name));
    for (const joined_service& j : request.joins) append(after, known(created_, j.container.subject));
    if (request.temporary_name != c.name) waiting_for_name_.insert(c.subject());
    created_[c.subject()] = add(phase::create, std::move(request), c.cause, std::move(after));
  }

  bool name_is_taken(const intended_container& c) const {
    for (const intended_container& other : wanted_.containers) {
      if (other.found == nullptr || other.found->name != c.name) continue;
      if (other.how == treatment::replace || other.how == treatment::retire) return true;
      throw plan_error("container " + c.name + " of service " + c.service + " cannot be made: the name belongs to " +
                       other.subject() + ", which stays. Remove or rename that container.");
    }
    return false;
  }

  // --- cut over ---

  void cut_over() {
    for (const intended_container* c : by_stop())
      if (c->how == treatment::replace || c->how == treatment::retire || c->how == treatment::quiesce) stop(*c);
    if (wanted_.snapshot) {
      const std::string reason = wanted_.snapshot->reason;
      snapshot_ = add(phase::cut_over, std::move(*wanted_.snapshot), reason, all_stops_);
    }
    for (const intended_container& c : wanted_.containers) set_aside(c);
    for (const intended_container& c : wanted_.containers) take_name(c);
  }

  void stop(const intended_container& c) {
    if (!is_up(*c.found) && !is_armed(*c.found)) return;
    numbers after = known(created_, c.subject());
    for (const intended_container& other : wanted_.containers)
      if (other.needs.contains(c.service)) append(after, known(stopped_, other.subject()));
    const std::string cause = c.how == treatment::replace ? "replaced by " + std::to_string(after.front()) : c.cause;
    stopped_[c.subject()] = add(phase::cut_over, stop_of(c), cause, std::move(after));
    all_stops_.push_back(stopped_[c.subject()]);
  }

  stop_container stop_of(const intended_container& c) const {
    const observed_container& found = *c.found;
    stop_container stop;
    stop.target = found_ref(c);
    stop.was = state_at_rest(found, c.until == goal::completed);
    stop.grace_period = options_.grace_period;
    stop.name = found.name;
    stop.image_id = found.image_id;
    stop.config_hash = found.config_hash;
    stop.restart_policy = restart_policy_of(found);
    stop.has_health_check = has_health_check(found);
    stop.sound = !was_unsound(found);
    stop.restarts = c.restarts;
    // Only what was seen healthy can be waited for.
    if (c.until == goal::healthy && found.health == health_state::healthy) stop.until = goal::healthy;
    stop.budget = start_budget_of(found, options_);
    stop.steady_for = steady_time(stop.has_health_check, options_);
    return stop;
  }

  // Names change only when the data is safe: until then a plain `docker start` brings the old version back.
  numbers after_stop_and_snapshot(const intended_container& c) const {
    return snapshot_ != 0 ? numbers{snapshot_} : known(stopped_, c.subject());
  }

  void set_aside(const intended_container& c) {
    if (c.how != treatment::replace && c.how != treatment::retire) return;
    rename_container rename;
    rename.target = found_ref(c);
    rename.from = c.found->name;
    rename.to = name_set_aside(c.found->name, options_.attempt_id);
    const std::string cause =
        c.how == treatment::replace ? "replaced by " + std::to_string(created_.at(c.subject())) : c.cause;
    set_aside_[c.found->name] = add(phase::cut_over, std::move(rename), cause, after_stop_and_snapshot(c));
  }

  void take_name(const intended_container& c) {
    if (!waiting_for_name_.contains(c.subject())) return;
    rename_container rename;
    rename.target = ref(c);
    rename.from = name_of_new(c.name, options_.attempt_id);
    rename.to = c.name;
    numbers after = known(created_, c.subject());
    append(after, known(set_aside_, c.name));
    named_[c.subject()] = add(phase::cut_over, std::move(rename), "its final name", std::move(after));
  }

  // --- restore, start, verify ---

  void restore() {
    if (!wanted_.restore) return;
    numbers after = snapshot_ != 0 ? numbers{snapshot_} : all_stops_;
    for (const volume_target& v : wanted_.restore->volumes) append(after, known(volumes_, v.name));
    restore_ = add(phase::restore, std::move(*wanted_.restore), "the data of the release", std::move(after));
  }

  // What has to be so before the container may start, its dependencies aside.
  numbers readiness(const intended_container& c) const {
    numbers after = known(named_, c.subject());
    if (after.empty()) after = known(created_, c.subject());
    if (!c.makes_new()) after = after_stop_and_snapshot(c);
    if (restore_ != 0) after.push_back(restore_);
    return after;
  }

  void start() {
    for (const intended_container& c : wanted_.containers) {
      const bool again = c.how == treatment::quiesce || c.how == treatment::start;
      if (!again && !(c.makes_new() && c.starts)) continue;
      numbers after = readiness(c);
      for (const std::string& service : c.needs)
        if (const auto started = starts_of_.find(service); started != starts_of_.end()) append(after, started->second);
      const std::string cause = c.how == treatment::quiesce ? "ran before" : c.how == treatment::start ? c.cause : "";
      const int number = add(phase::start, start_of(c), cause, std::move(after));
      started_[c.subject()] = number;
      starts_of_[c.service].push_back(number);
      all_starts_.push_back(number);
    }
  }

  start_container start_of(const intended_container& c) const {
    start_container start;
    start.target = ref(c);
    start.until = c.until;
    if (!c.makes_new())
      start.restart_policy = c.restart_policy.is_null() ? restart_policy_of(*c.found) : c.restart_policy;
    if (c.expected == run_state::paused) start.leave = run_state::paused;
    if (c.until == goal::healthy) start.budget = c.start_budget;
    if (c.until == goal::completed) start.budget = options_.one_shot_budget;
    return start;
  }

  void verify() {
    for (const intended_container& c : wanted_.containers) {
      if (c.how == treatment::retire || c.proven == proof::no) continue;
      numbers after = known(started_, c.subject());
      if (after.empty()) after = c.makes_new() ? readiness(c) : all_starts_;
      verifications_.push_back(add(phase::verify, verification_of(c), "", std::move(after)));
    }
  }

  verify_container verification_of(const intended_container& c) const {
    verify_container verify;
    verify.target = ref(c);
    verify.expected = c.expected;
    verify.has_health_check = c.has_health_check;
    verify.steady_for = steady_time(c.has_health_check, options_);
    verify.budget = c.start_budget + verify.steady_for;
    if (c.makes_new()) {
      verify.name = c.name;
      verify.image = c.request.image;
      verify.digest = c.request.digest;
      verify.image_id = c.request.image_id;
      verify.config_hash = c.config_hash;
    } else {
      verify.name = c.found->name;
      verify.image = c.found->image_reference;
      verify.image_id = c.found->image_id;
      verify.config_hash = c.found->config_hash;
    }
    return verify;
  }

  // --- pin, commit ---

  void pin() {
    for (pin_tag& p : wanted_.pins) {
      const std::string cause = p.previous.empty() ? std::string() : "was " + p.previous;
      pins_.push_back(add(phase::pin, std::move(p), cause, verifications_));
    }
    for (pin_images& p : wanted_.image_pins) {
      std::string cause;
      for (const pinned_image& each : p.images)
        if (!each.previous.empty()) cause += (cause.empty() ? "was " : ", ") + each.previous;
      pins_.push_back(add(phase::pin, std::move(p), cause, verifications_));
    }
  }

  void commit() {
    numbers after = verifications_;
    append(after, pins_);
    for (const intended_container& c : wanted_.containers) {
      if (c.how != treatment::replace && c.how != treatment::retire) continue;
      remove_container remove;
      remove.target = found_ref(c);
      add(phase::commit, std::move(remove), c.how == treatment::retire ? c.cause : "set aside", after);
    }
  }

  intention wanted_;
  const reconcile_options& options_;
  plan out_;
  // Numbers of operations, by what they act on: references, real names, subjects, final names.
  std::map<std::string, int> pulled_, networks_, volumes_, created_, stopped_, set_aside_, named_, started_;
  std::map<std::string, numbers> starts_of_;  // by service
  std::set<std::string> waiting_for_name_;    // subjects created under a temporary name
  numbers all_stops_, all_starts_, verifications_, pins_;
  int snapshot_ = 0;  // 0: there is none
  int restore_ = 0;
};

}  // namespace

plan assemble(intention wanted, const reconcile_options& options) {
  return assembler(std::move(wanted), options).assemble();
}

}  // namespace orchestration
