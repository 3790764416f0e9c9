#include "tests/run/shop_run.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "orchestration/files/durable_file.hpp"
#include "orchestration/plan/drift.hpp"
#include "orchestration/plan/pinned_text.hpp"
#include "orchestration/project/config_hash.hpp"
#include "orchestration/project/create_body.hpp"
#include "orchestration/project/dependency_order.hpp"
#include "orchestration/project/pin.hpp"
#include "orchestration/run/placed_files.hpp"
#include "tests/plan/world.hpp"
#include "tests/support/run_task.hpp"

namespace orchestration::test {
namespace {

namespace fs = std::filesystem;
using docker::json;

// No plug is pulled here, so nothing need reach a disk: a thousand runs sync for nothing.
const bool in_memory = [] {
  std::error_code none;
  const fs::path memory = "/dev/shm";
  constexpr std::uintmax_t enough = 256 << 20;  // a preflight wants some free
  const bool usable = ::access(memory.c_str(), W_OK) == 0 && fs::space(memory, none).available >= enough && !none;
  return usable && ::setenv("TMPDIR", memory.c_str(), 0) == 0;
}();

constexpr const char* db_image = "registry.test/shop-db:15";
std::string web_image(const std::string& version) { return "registry.test/shop-web:" + version; }
std::string migrate_image(const std::string& version) { return "registry.test/shop-migrate:" + version; }

std::string env_text(const std::string& version) {
  return "# the shop\nIMAGE_TAG=" + version + "   # moved by hand or by dockupd\nTITLE='a shop'\n";
}

constexpr const char* users_override = "# the users' own\nservices:\n  db:\n    labels: {a: b}   # kept\n";

std::vector<pinned_image> images_of(const std::string& version) {
  return {{"migrate", migrate_image(version), ""}, {"web", web_image(version), ""}};
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

std::string without_ids(std::string text) {
  constexpr std::string_view prefix = "sha256:";
  for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1))
    text.replace(at, prefix.size() + 64, "IMAGE");
  return text;
}

std::string join(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

}  // namespace

volume_content content_of(const fs::path& directory) {
  volume_content out;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) out[fs::relative(entry.path(), directory).string()] = text_of(entry.path());
  return out;
}

volume_content data_of(const std::string& version) {
  return {{"rows", "a row written under v1\n"}, {"schema", version}, {"made-by/" + version, version}};
}

std::string shop_run::override_text(const std::string& version) const {
  return pins_for(override_file(), images_of(version), users_override).new_text.as_string();
}

// --- the world -------------------------------------------------------------------------------------------------

shop_run::shop_run(kept_in where)
    : where_(where),
      directory_(std::make_shared<temporary_directory>()),
      engine_(std::make_shared<fake_engine>(real_volumes::yes)),
      state_(*directory_ / "state"),
      snapshots_(state_ / "snapshots") {
  fs::create_directory(project_directory());
  ensure_private_directory(state_);
  put(env_file(), env_text("v1"));
  if (where_ == kept_in::override_file) put(override_file(), users_override);
  image_behaviour db;
  db.on_start = [this](const auto&) { watch_volume("db"); };
  engine_->images().publish(db_image, db);
}

shop_run::shop_run(const shop_run& same_shop, const std::string& state)
    : where_(same_shop.where_),
      directory_(same_shop.directory_),
      engine_(same_shop.engine_),
      state_(*directory_ / state),
      snapshots_(state_ / "snapshots") {
  ensure_private_directory(state_);
}

image_behaviour shop_run::web_behaviour() {
  image_behaviour out;
  out.log = {"web: listening"};
  out.on_start = [this](const auto&) { watch_volume("web"); };
  return out;
}

image_behaviour shop_run::migrate_behaviour(const std::string& version) {
  image_behaviour out;
  out.exits_with = 0;
  out.log = {"migrate: to " + version};
  out.on_start = [this, version](const auto& directories) {
    watch_volume("migrate");
    ++seen_.migrations[version];
    const fs::path volume = directories.at("/data");
    put(volume / "schema", version);
    fs::remove_all(volume / "made-by");
    fs::create_directory(volume / "made-by");
    put(volume / "made-by" / version, version);
  };
  return out;
}

void shop_run::publish_web(const std::string& version, image_behaviour behaviour) {
  engine_->images().publish(web_image(version), std::move(behaviour));
}

void shop_run::publish_migrate(const std::string& version, image_behaviour behaviour) {
  engine_->images().publish(migrate_image(version), std::move(behaviour));
}

void shop_run::publish(const std::string& version) {
  publish_web(version, web_behaviour());
  publish_migrate(version, migrate_behaviour(version));
  const project p = desired(version);
  for (const auto& [name, s] : p.services)
    if (name != "db" && name != "web" && name != "migrate") engine_->images().publish(s.image, image_behaviour());
}

project shop_run::desired(const std::string& version) const {
  project_builder p;
  p.service("db", db_image).volume("shop-data", "/data").healthy_when("ready").restart("unless-stopped");
  p.service("migrate", migrate_image(version)).needs("db", start_condition::healthy).volume("shop-data", "/data");
  p.value().services.at("migrate").image_template = migrate_image("${IMAGE_TAG}");
  p.service("web", web_image(version)).needs("db", start_condition::healthy);
  p.needs("migrate", start_condition::completed_successfully).healthy_when("probe").restart("always");
  p.value().services.at("web").image_template = web_image("${IMAGE_TAG}");
  if (more_services) more_services(p, version);
  p.value().working_dir = project_directory();
  p.value().config_files = {(project_directory() / "compose.yaml").string()};
  return p;
}

void shop_run::compose_up(const std::string& version) {
  const project p = desired(version);
  for (const auto& [key, n] : p.networks) run_task(engine_->create_network(network_create_body(p, n)));
  for (const auto& [key, v] : p.volumes) run_task(engine_->create_volume(volume_create_body(p, v)));
  std::vector<std::string> in_order = {"db", "migrate", "web"};
  for (const std::vector<std::string>& level : start_order(p))
    for (const std::string& name : level)
      if (std::find(in_order.begin(), in_order.end(), name) == in_order.end()) in_order.push_back(name);
  for (const std::string& name : in_order) {
    const service& s = p.services.at(name);
    run_task(engine_->pull_image(s.image, "", {}));
    create_context context;
    for (const auto& [other, attribute] : joined_services(s))
      context.containers[other] = id_of(container_name(p, p.services.at(other), 1));
    context.config_hash = service_hash(s, hash_dialect::compose_2_30, context.containers);
    context.image_id = engine_->images().find(s.image)->id;
    const create_request made = make_create_request(p, s, 1, context);
    const std::string id = run_task(engine_->create_container(made.name, made.body, made.platform));
    run_task(place_files(*engine_, id, made.files));
    run_task(engine_->start_container(id));
    for (int look = 0; look < 3; ++look) run_task(engine_->inspect_container(id));  // time passes
  }
  engine_->forget_calls();
}

void shop_run::stop_by_hand(const std::string& container) {
  run_task(engine_->stop_container(container, std::nullopt));
}

void shop_run::watch_volume(const std::string& by) {
  for (const char* service : {"db", "migrate", "web"}) {
    int up = 0;
    for (const std::string& line : engine_->container_names())
      if (line.starts_with("shop-" + std::string(service) + "-1") && line.ends_with(" running")) ++up;
    if (up > 1) seen_.breaches.push_back("two of " + std::string(service) + " run when " + by + " starts");
  }
}

// --- runs ------------------------------------------------------------------------------------------------------

bool shop_run::has_volumes(const std::string& name_and_state) const {
  const fake_container* c = engine_->container(name_and_state.substr(0, name_and_state.find(' ')));
  return c != nullptr && !c->mounts.empty();
}

void shop_run::note(const progress_event& event) {
  using kind = progress_event::kind;
  if (event.what == kind::begin && (event.text.starts_with("snapshot") || event.text.starts_with("restore")))
    for (const std::string& line : engine_->container_names())
      if (line.ends_with(" running") && !line.starts_with("shop-web-1") && has_volumes(line))
        seen_.breaches.push_back(event.text + " while " + line);
  if (event.what == kind::phase) events_.push_back("phase " + event.text);
  if (event.what == kind::begin) events_.push_back("begin " + event.text);
  if (event.what == kind::end) events_.push_back("end " + event.subject);
  if (event.what == kind::warning) events_.push_back("warning " + event.text);
  if (on_event) on_event(event);
}

template <class T>
T shop_run::in_a_workspace(const std::function<docker::task<T>(workspace&)>& doing) {
  records_.reset();
  records_ = store::open(state_, open_mode::read_write);
  snapshots_ = snapshot_store(state_ / "snapshots");  // no process knows what another one expected
  snapshots_.remove_partials();
  expect_recorded(snapshots_, *records_);
  events_.clear();
  workspace w(*engine_, *records_, snapshots_, pool_);
  w.evidence = evidence();
  w.ballast = kept_back;
  w.project = "shop";
  w.rescue.attempts = attempts();
  w.rescue.lock_file = state_ / "lock";
  w.between_looks = w.between_looks_for_a_task = std::chrono::milliseconds(0);
  w.guard_wait = guard_wait;
  w.interrupted = stop.get_token();
  w.progress = [this](const progress_event& event) {
    if (event.what != progress_event::kind::advance) note(event);
  };
  return run_task(doing(w));
}

template <class T>
T shop_run::in_a_process(const std::function<docker::task<T>(updater&)>& doing) {
  std::optional<updater> u;
  return in_a_workspace<T>([&](workspace& w) { return doing(u.emplace(w)); });
}

update_request shop_run::request(const std::string& version) {
  update_request out;
  out.desired = desired(version);
  out.tag = version;
  out.tag_given = true;
  out.retagged = {"migrate", "web"};
  pin_tag pin;
  pin.file = env_file().string();
  pin.variable = "IMAGE_TAG";
  pin.value = version;
  pin.previous = read_env_value(text_of(env_file()), pin.variable).value_or("");
  pin.has_line = !pin.previous.empty();
  if (where_ == kept_in::env_file)
    out.pin = pin;
  else
    out.image_pins = pins_for(override_file(), images_of(version), text_of(override_file()));
  out.options.steady_for = out.options.healthy_for = std::chrono::milliseconds(0);
  out.who = "operator@shop";
  out.why = "to " + version;
  return out;
}

run_result shop_run::update(update_request asked) {
  return in_a_process<run_result>([&](updater& u) { return u.update(std::move(asked)); });
}

run_result shop_run::rollback(rollback_request asked) {
  asked.options.steady_for = asked.options.healthy_for = std::chrono::milliseconds(0);
  return in_a_process<run_result>([&](updater& u) { return u.rollback(std::move(asked)); });
}

std::optional<run_result> shop_run::recover() {
  return in_a_process<std::optional<run_result>>([](updater& u) { return u.recover(); });
}

void shop_run::run(const std::function<docker::task<bool>(workspace&)>& doing) { in_a_workspace<bool>(doing); }

bring_up_result shop_run::bring_up() {
  bring_up_options options;
  options.waits.steady_for = options.waits.healthy_for = options.patience = std::chrono::milliseconds(0);
  return in_a_workspace<bring_up_result>([&](workspace& w) { return orchestration::bring_up(w, options); });
}

plan shop_run::plan_for(update_request asked) {
  return in_a_process<plan>([&](updater& u) { return u.plan_for(std::move(asked)); });
}

std::string shop_run::refused(const std::function<void()>& doing) {
  try {
    doing();
  } catch (const refusal& error) {
    return error.what();
  }
  return {};
}

// --- what is there ---------------------------------------------------------------------------------------------

store& shop_run::records() {
  if (!records_) records_ = store::open(state_, open_mode::read_write);
  return *records_;
}

int shop_run::migrations_of(const std::string& version) const {
  const auto found = seen_.migrations.find(version);
  return found == seen_.migrations.end() ? 0 : found->second;
}

std::string shop_run::id_of(const std::string& container) const {
  const fake_container* found = engine_->container(container);
  return found == nullptr ? "" : found->id;
}

std::string shop_run::container_named(const std::string& beginning) const {
  for (const auto& [id, c] : engine_->world().containers)
    if (c.name.starts_with(beginning)) return c.name;
  return {};
}

void shop_run::put_data(const volume_content& content) {
  for (const auto& entry : fs::directory_iterator(data())) fs::remove_all(entry.path());
  for (const auto& [path, text] : content) {
    fs::create_directories((data() / path).parent_path());
    put(data() / path, text);
  }
}

std::string shop_run::version_of(const std::string& container) const {
  const fake_container* found = engine_->container(container);
  if (found == nullptr) return "";
  const std::string reference = found->config.string_at({"Image"});
  return reference.substr(reference.rfind(':') + 1);
}

std::string shop_run::changes() const {
  std::istringstream all(engine_->changes());
  std::string out;
  for (std::string line; std::getline(all, line);)
    if (line.find("dockupd-guard.") == std::string::npos && line.find("dockupd.local/guard:") == std::string::npos)
      out += line + "\n";
  return out;
}

std::string shop_run::changes(const std::string& attempt_id) const {
  std::string out = without_ids(changes());
  replace_all(out, attempt_id, "ATTEMPT");
  return out;
}

std::string shop_run::problems(const std::vector<std::string>& versions) {
  std::vector<std::string> out = seen_.breaches;
  const std::string version = version_of("shop-web-1");
  if (std::find(versions.begin(), versions.end(), version) == versions.end())
    out.push_back("web runs version \"" + version + "\"");
  check_containers(out, version);
  check_data(out, version);
  check_records(out, version);
  return join(out);
}

void shop_run::check_containers(std::vector<std::string>& out, const std::string& version) {
  // A one-shot that was come back to has not run again: its work is in the data.
  const std::vector<std::string> ran = {"shop-db-1 running", "shop-migrate-1 exited", "shop-web-1 running"};
  const std::vector<std::string> come_back_to = {"shop-db-1 running", "shop-migrate-1 created", "shop-web-1 running"};
  std::vector<std::string> of_shop;
  for (const std::string& name : engine_->container_names())
    if (!more_services || name.starts_with("shop-db-") || name.starts_with("shop-migrate-") ||
        name.starts_with("shop-web-"))
      of_shop.push_back(name);
  if (of_shop != ran && of_shop != come_back_to) {
    out.push_back("containers: " + join(engine_->container_names()));
    return;
  }
  if (more_problems)
    for (std::string& problem : more_problems(version)) out.push_back(std::move(problem));
  const std::map<std::string, std::string> policies = {
      {"shop-db-1", "unless-stopped"}, {"shop-migrate-1", ""}, {"shop-web-1", "always"}};
  const std::map<std::string, std::string> images = {
      {"shop-db-1", db_image}, {"shop-migrate-1", migrate_image(version)}, {"shop-web-1", web_image(version)}};
  for (const auto& [name, policy] : policies) {
    const fake_container& c = *engine_->container(name);
    const std::string found = c.restart_policy() == "no" ? "" : c.restart_policy();
    if (found != policy) out.push_back(name + " has restart policy \"" + found + "\"");
    const fake_image* image = engine_->images().find(images.at(name));
    if (image == nullptr || c.image_id != image->id) out.push_back(name + " does not run " + images.at(name));
    if (!c.endpoints.contains("shop_default")) out.push_back(name + " is not on the network");
  }
  if (engine_->container("shop-migrate-1")->exit_code != 0) out.push_back("the migration failed");
}

void shop_run::check_data(std::vector<std::string>& out, const std::string& version) const {
  volume_content expected = data_of(version);
  const volume_content found = content_of(data());
  if (found == expected) return;
  std::string text = "data of " + version + " is not there, but:";
  for (const auto& [file, content] : found) text += " " + file + "=" + content;
  out.push_back(text);
}

void shop_run::check_records(std::vector<std::string>& out, const std::string& version) {
  store& s = records();
  if (s.open_attempt()) out.push_back("an attempt is open: " + s.open_attempt()->state);
  const std::optional<release> current = s.current_release();
  if (!current) {
    out.push_back("there is no current release");
  } else {
    if (current->tag != version) out.push_back("the current release is " + current->tag);
    for (const released_container& c : current->containers)
      if (engine_->container(c.name) != nullptr &&
          engine_->container(c.name)->config.string_at({"Image"}) != c.image_reference)
        out.push_back("the current release has " + c.image_reference + " for " + c.name);
  }
  for (const snapshot_row& row : s.snapshots())
    if (!snapshots_.contains(row.id)) out.push_back("snapshot " + row.id + " is recorded, but not there");
  if (fs::exists(snapshots_.directory()))
    for (const auto& entry : fs::directory_iterator(snapshots_.directory()))
      if (entry.path().filename().string().ends_with(".partial")) out.push_back("left over: " + entry.path().string());
  if (fs::exists(attempts()) && !fs::is_empty(attempts())) out.push_back("a way to be rescued is left over");
  if (where_ == kept_in::override_file) {
    if (text_of(override_file()) != override_text(version)) out.push_back("override: " + text_of(override_file()));
  } else if (text_of(env_file()) != env_text(version))
    out.push_back(".env: " + text_of(env_file()));
}

}  // namespace orchestration::test
