#include "tools/dockupd/session.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <set>
#include <sstream>
#include <thread>

#include "docker_client/client.hpp"
#include "docker_client/error.hpp"
#include "orchestration/files/disk_space.hpp"
#include "orchestration/files/durable_file.hpp"
#include "orchestration/project/discovery.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/docker_engine.hpp"
#include "orchestration/run/observe.hpp"
#include "orchestration/run/targets.hpp"
#include "tools/dockupd/logging.hpp"
#include "tools/dockupd/redaction.hpp"

extern char** environ;

namespace dockupd {
namespace {

namespace fs = std::filesystem;

constexpr const char* known_project_file = "project.json";
constexpr const char* project_label = "com.docker.compose.project";
constexpr const char* directory_label = "com.docker.compose.project.working_dir";
constexpr const char* env_files_label = "com.docker.compose.project.environment_file";

std::optional<std::string> from_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

std::map<std::string, std::string> whole_environment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

std::vector<std::string> listed_in(const std::string& list) {
  std::vector<std::string> out;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) out.push_back(word);
  return out;
}

struct known_project {
  std::string name;
  std::string working_dir;
};

std::vector<known_project> known_projects(const fs::path& root) {
  std::vector<known_project> out;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(root, none)) {
    if (!orchestration::store::exists(entry.path())) continue;
    known_project found{entry.path().filename().string(), ""};
    if (fs::exists(entry.path() / known_project_file)) {
      try {
        const std::string text = orchestration::read_file(entry.path() / known_project_file);
        found.working_dir = docker::json::parse(text).string_at({"working_dir"});
      } catch (const std::runtime_error& error) {  // one damaged file must not hide the other projects
        say_warning((entry.path() / known_project_file).string() + ": " + error.what());
      }
    }
    out.push_back(std::move(found));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

void hide_secrets_of(const orchestration::project& p) {
  for (const auto& [name, service] : p.services) hide_secrets_in(service.document);
  for (const auto* objects : {&p.secrets, &p.configs})
    for (const auto& [name, object] : *objects) hide(object.content.value_or(""));
}

/// What older releases and a run in the middle were given comes back in logs and errors as well.
void hide_secrets_of(const orchestration::store& records) {
  for (const orchestration::release& r : records.releases()) hide_secrets_in(to_json(r));
  if (const auto open = records.open_attempt()) hide_secrets_in(open->plan);
}

void hide_credentials_in(const fs::path& docker_config) {
  try {
    if (!docker_config.empty()) hide_credentials(docker::json::parse(orchestration::read_file(docker_config)));
  } catch (const std::runtime_error&) {
    // Not there, or not to be read: then nobody else reads it either, or says so.
  }
}

}  // namespace

/// First SIGINT or SIGTERM: stop at the next safe place. Further ones say where it is.
struct session::signals {
  signals(boost::asio::io_context& context, std::stop_source& stop)
      : set(context, SIGINT, SIGTERM), stop_source(stop) {}
  void wait() {
    set.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      say_warning(stop_source.stop_requested() ? "still going back to a safe state; the journal keeps every step"
                                               : "stopping: going back to a safe state first");
      stop_source.request_stop();
      wait();
    });
  }
  boost::asio::signal_set set;
  std::stop_source& stop_source;
};

session::session(const command& c) : command_(c), environment_(from_environment) {
  for (const auto& [name, value] : whole_environment()) hide_if_secret(name, value);
  hide_if_secret("", command_.host);
  // An ssh connection that drops or a closed pipe must not end an update.
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
}

session::~session() = default;

void session::run_context() {
  if (signals_) signals_->wait();
  context_.restart();
  context_.run();
}

void session::finished() {
  if (signals_) signals_->set.cancel();
}

// --- project ---------------------------------------------------------------------------------------------------

orchestration::load_request session::load_request() const {
  orchestration::load_request request;
  request.current_directory = fs::current_path();
  request.files = command_.files;
  request.project_directory = command_.project_directory;
  request.project_name = command_.project_name;
  request.env_files = command_.env_files;
  request.profiles = command_.profiles;
  request.services = command_.services;
  request.environment = whole_environment();
  request.on_variable = hide_if_secret;
  if (command_.what == verb::config) request.attributes = orchestration::unsupported::told;
  if (!labelled_) return request;
  request.files = labelled_->files;
  request.project_name = name_;
  if (request.project_directory.empty()) request.project_directory = labelled_->working_dir;
  if (request.env_files.empty()) request.env_files = labelled_->environment;
  return request;
}

bool session::has_files() {
  if (without_files_) return false;
  if (loaded_) return true;
  try {
    project();
    return true;
  } catch (const orchestration::no_compose_file&) {
    if (!command_.project_directory.empty()) throw;
  }
  project_name();
  look_at_containers();
  return !without_files_;
}

/// Files that cannot be read are as good as none; those that can be, but are wrong, are for a person to mend.
void session::look_at_containers() {
  const orchestration::observed_state observed = run(observe(engine(), orchestration::observe_request(name_)));
  for (const orchestration::observed_container& c : observed.containers)
    if (const docker::json* config = c.inspect.find("Config")) hide_secrets_in(*config);
  if (observed.containers.empty()) throw no_project();
  orchestration::labelled_files files = orchestration::files_by_label(observed);
  std::vector<std::string> wanted = files.files;
  wanted.insert(wanted.end(), files.environment.begin(), files.environment.end());
  const auto missing = std::find_if(wanted.begin(), wanted.end(),
                                    [](const std::string& file) { return access(file.c_str(), R_OK) != 0; });
  without_files_ = files.files.empty() || missing != wanted.end();
  std::string list;
  std::string there;
  for (const std::string& file : files.files) {
    list += (list.empty() ? "" : ", ") + file;
    if (access(file.c_str(), F_OK) == 0) there += (there.empty() ? "" : ", ") + file;
  }
  if (without_files_) {
    working_dir_ = files.working_dir;
    if (missing != wanted.end())
      say_once(&say_warning, *missing + " cannot be read, so " + name_ + " is moved as its containers are");
    if (!there.empty()) say_once(&say_warning, "nothing is written to " + there + ": there the old tag still stands");
    return;
  }
  labelled_ = std::move(files);
  say_once(&say_note, "project " + name_ + " is read from " + list + ", as the labels of its containers say");
  project();
}

fatal session::no_project() {
  std::string text = "there is no compose file in " + fs::current_path().string() +
                     " or above it, and no container of a project " + name_ +
                     " on this engine (label com.docker.compose.project). ";
  const bool is_container = run(engine().inspect_container(name_)).has_value();
  if (is_container)
    text += name_ + " is a container of no compose project: dockupd moves projects, not single containers";
  else if (has_state())
    text += "What dockupd has recorded comes back with: dockupd rollback -p " + name_;
  else
    text += "Go to the project's folder, or name the file with -f";
  return fatal(exit_code::usage, text);
}

void session::say_once(void (*how)(const std::string&), const std::string& text) {
  if (said_.insert(text).second) how(text);
}

void session::forget_files() {
  loaded_.reset();
  labelled_.reset();
  without_files_ = false;
}

const orchestration::project& session::project() {
  if (!loaded_) {
    loaded_ = orchestration::load(load_request());
    // config prints with its secrets: only where it says something beside that are they to be known.
    const bool is_config = command_.what == verb::config;
    if (!is_config || !loaded_->findings.empty() || command_.view == config_view::creates)
      hide_secrets_of(loaded_->value);
    for (const orchestration::finding& f : loaded_->findings)
      if (is_config)
        say(to_text(f));
      else if (f.level == orchestration::severity::warning)
        say_once(&say_warning, to_text(f));
  }
  return loaded_->value;
}

const orchestration::project* session::project_here(const orchestration::observed_state* observed) {
  std::string known;
  for (const known_project& each : known_projects(state_root()))
    if (each.name == project_name()) known = each.working_dir;
  if (observed != nullptr && are_env_files_open()) {
    std::vector<deployed> containers;
    for (const orchestration::observed_container& c : observed->containers)
      containers.push_back({project_name(), c.inspect.string_at({"Config", "Labels", directory_label}),
                            c.inspect.string_at({"Config", "Labels", env_files_label})});
    take_env_files(containers);
  }
  try {
    const orchestration::project& p = project();
    return p.name == project_name() && (known.empty() || known == p.working_dir) ? &p : nullptr;
  } catch (const orchestration::load_error&) {
    return nullptr;
  }
}

bool session::are_env_files_open() const {
  return command_.env_files.empty() && environment_("COMPOSE_ENV_FILES").value_or("").empty();
}

/// Whether the files here, read with these env files, are those of that project.
bool session::makes_project(const std::string& name, const std::string& env_files) const {
  orchestration::load_request request = load_request();
  request.env_files = listed_in(env_files);
  try {
    return orchestration::load(request).value.name == name;
  } catch (const orchestration::load_error&) {
    return false;  // whoever loads them says what is wrong
  }
}

void session::take_env_files(const std::vector<deployed>& containers) {
  fs::path here;
  try {
    here = orchestration::find_project(load_request()).directory;
  } catch (const orchestration::load_error&) {
    return;  // of what is gone with its folder, has_files() speaks; loading says what is wrong
  }
  std::map<std::string, std::set<std::string>> given;  // project → what it was given; "": nothing
  bool any = false;
  for (const deployed& c : containers) {
    std::error_code unknown;
    if (c.directory != here && !fs::equivalent(c.directory, here, unknown)) continue;
    given[c.project].insert(c.env_files);
    any |= !c.env_files.empty();
  }
  if (!any) return;
  // The env files may name the project, so only what is read with them tells whose they are.
  std::set<std::string> wanted;
  for (const auto& [name, lists] : given)
    for (const std::string& list : lists)
      if (makes_project(name, list)) wanted.insert(list);
  if (wanted.size() != 1 || wanted.begin()->empty()) return;
  command_.env_files = listed_in(*wanted.begin());
  loaded_.reset();
  say_warning("docker compose was run here with --env-file " + *wanted.begin() + ": so is this. To choose: --env-file");
}

void session::take_env_files_of_containers() {
  if (!are_env_files_open()) return;
  std::vector<std::string> labels;
  labels.emplace_back(directory_label);
  std::vector<deployed> containers;
  for (const docker::json& c : run(engine().list_containers(std::move(labels))))
    containers.push_back({c.string_at({"Labels", project_label}), c.string_at({"Labels", directory_label}),
                          c.string_at({"Labels", env_files_label})});
  take_env_files(containers);
}

const std::string& session::project_name() {
  if (name_.empty()) name_ = find_name();
  return name_;
}

std::string session::find_name() {
  if (loaded_) return loaded_->value.name;
  if (!command_.project_name.empty()) return command_.project_name;
  const bool files_given = !command_.files.empty() || !command_.project_directory.empty();
  const std::vector<known_project> known = known_projects(state_root());
  // At 3 a.m. the compose file may be what is broken: a project is known by its directory too, unless several share it.
  const std::string here = fs::current_path().string();
  try {
    return project().name;
  } catch (const orchestration::no_compose_file&) {
    if (files_given) throw;
    if (const auto named = environment_("COMPOSE_PROJECT_NAME"); named && !named->empty()) return *named;
    if (known.empty()) {
      if (const std::string name = name_by_folder(here); !name.empty()) return name;
      throw;
    }
  } catch (const orchestration::load_error&) {
    if (files_given || known.empty()) throw;
  }
  const auto is_here = [&](const known_project& k) { return k.working_dir == here; };
  const auto found = std::find_if(known.begin(), known.end(), is_here);
  if (std::count_if(known.begin(), known.end(), is_here) == 1) return found->name;
  if (const std::string name = name_by_folder(here); !name.empty()) return name;
  if (known.size() == 1) return known.front().name;
  std::string names;
  for (const known_project& k : known)
    names += "\n  -p " + k.name + (k.working_dir.empty() ? "" : "   " + k.working_dir);
  throw fatal(exit_code::usage, "no project here, and dockupd knows several; say which:" + names);
}

/// The only project whose containers say that they were deployed from the folder.
std::string session::name_by_folder(const std::string& folder) {
  std::vector<std::string> labels;
  labels.push_back(directory_label + ("=" + folder));
  std::set<std::string> names;
  try {
    for (const docker::json& c : run(engine().list_containers(std::move(labels))))
      names.insert(c.string_at({"Labels", project_label}));
  } catch (const docker::error&) {
    // Then it is unknown, and what asks the engine next says why.
  }
  return names.size() == 1 ? *names.begin() : std::string();
}

void session::remember_project() {
  docker::json files = docker::json::make_array();
  if (has_files()) files = docker::json::array_of(project().config_files);
  const std::string directory = has_files() ? project().working_dir.string() : working_dir_;
  const docker::json text = docker::json::object({{"working_dir", directory}, {"config_files", std::move(files)}});
  const fs::path file = state_directory() / known_project_file;
  const std::string known = text.to_pretty_text() + "\n";
  // On a full disk the preflight is to say what is needed, with the numbers.
  if (fs::exists(file) && orchestration::read_file(file) == known) return;
  orchestration::write_durably(file, known);
}

// --- state -----------------------------------------------------------------------------------------------------

fs::path session::state_root() const {
  if (!command_.state_dir.empty()) return fs::absolute(command_.state_dir);
  if (geteuid() == 0) return "/var/lib/dockupd";
  if (const auto xdg = environment_("XDG_STATE_HOME"); xdg && !xdg->empty()) return fs::path(*xdg) / "dockupd";
  return fs::path(environment_("HOME").value_or("/")) / ".local/state/dockupd";
}

fs::path session::state_directory() { return state_root() / project_name(); }

fs::path session::attempts_directory() { return state_directory() / "attempts"; }

bool session::has_state() {
  return orchestration::store::exists(state_directory()) || orchestration::store::is_lost(state_directory());
}

orchestration::store& session::records() {
  if (!records_) {
    if (!has_state())
      throw fatal(exit_code::usage, "dockupd has no record of project " + project_name() + " in " +
                                        state_directory().string() + ". It begins with the first: dockupd update");
    records_ = orchestration::store::open(state_directory(), orchestration::open_mode::read_only);
    hide_secrets_of(*records_);
  }
  return *records_;
}

orchestration::snapshot_store session::snapshots() {
  orchestration::snapshot_store out(state_directory() / "snapshots");
  try {
    if (has_state()) expect_recorded(out, records());
  } catch (const orchestration::store_error&) {
    // Without the records the archives can be looked at still; whoever needs the records says what is wrong with them.
  }
  return out;
}

/// The project's name without its compose files: -p, else, when nothing that is given chooses another, the only one
/// that is known to be in this folder. Empty: neither.
std::string session::name_by_records() const {
  const std::string& given = command_.project_name;
  if (!given.empty()) return given == orchestration::normal_project_name(given) ? given : std::string();
  for (const char* chooses : {"COMPOSE_PROJECT_NAME", "COMPOSE_FILE", "COMPOSE_ENV_FILES"})
    if (environment_(chooses)) return {};
  if (!command_.files.empty() || !command_.env_files.empty() || !command_.project_directory.empty()) return {};
  fs::path here;
  try {
    here = orchestration::find_project(load_request()).directory;
  } catch (const orchestration::load_error&) {
    return {};
  }
  std::set<std::string> names;
  for (const known_project& each : known_projects(state_root()))
    if (each.working_dir == here) names.insert(each.name);
  return names.size() == 1 ? *names.begin() : std::string();
}

std::optional<orchestration::lock_holder> session::try_lock(const std::string& name, const std::string& operation) {
  orchestration::ensure_private_directory(state_root());
  orchestration::ensure_private_directory(state_root() / name);
  orchestration::lock_holder me;
  me.operation = operation;
  me.since = orchestration::now_text();
  auto taken = orchestration::project_lock::try_take(state_root() / name, me);
  if (const auto* holder = std::get_if<orchestration::lock_holder>(&taken)) return *holder;
  lock_ = std::get<orchestration::project_lock>(std::move(taken));
  locked_ = name;
  return std::nullopt;
}

void session::lock_at_once(const std::string& operation) {
  const std::string name = name_by_records();
  if (name.empty() || !orchestration::store::exists(state_root() / name)) return;
  const auto holder = try_lock(name, operation);
  const bool waits = command_.lock_wait.count() > 0;
  try {
    if (holder && !waits && project().name == name) throw locked_by(*holder);
  } catch (const orchestration::load_error&) {
    return;  // whoever needs the files says what is wrong with them
  }
}

bool session::is_locked() { return lock_ && locked_ == project_name(); }

orchestration::workspace& session::open_for_change(const std::string& operation) {
  const fs::path directory = state_directory();
  if (!is_locked()) lock_.reset();  // of another project in the folder
  const auto deadline = orchestration::boot_time() + command_.lock_wait;
  while (!is_locked()) {
    const auto holder = try_lock(project_name(), operation);
    if (!holder) break;
    if (orchestration::boot_time() >= deadline) throw locked_by(*holder);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  records_.reset();
  orchestration::ballast ballast;
  ballast.add(directory / "ballast");
  if (command_.rebuild) rebuild_records();
  open_records(ballast);
  hide_secrets_of(*records_);
  snapshots_.emplace(directory / "snapshots");
  snapshots_->remove_partials();
  expect_recorded(*snapshots_, *records_);
  orchestration::remove_partials(directory / known_project_file);
  workspace_ = std::make_unique<orchestration::workspace>(engine(), *records_, *snapshots_, pool_);
  workspace_->ballast = std::move(ballast);
  workspace_->project = project_name();
  workspace_->who = who_asks();
  workspace_->what = operation;
  workspace_->evidence = directory / "evidence";
  workspace_->rescue.attempts = attempts_directory();
  workspace_->rescue.lock_file = directory / "lock";
  workspace_->interrupted = stop_.get_token();
  workspace_->redact = redacted;
  workspace_->progress = [this, show = make_progress(command_.progress)](const orchestration::progress_event& e) {
    if (e.what == orchestration::progress_event::kind::phase) lock_->set_phase(e.text);
    show(e);
  };
  signals_ = std::make_unique<signals>(context_, stop_);
  return *workspace_;
}

void session::rebuild_records() {
  for (const fs::path& kept : orchestration::store::rebuild(state_directory(), orchestration::new_id()))
    say_warning("the damaged records are kept as " + kept.string());
}

void session::open_records(const orchestration::ballast& ballast) {
  const auto open = [this] {
    return orchestration::store::open(state_directory(), orchestration::open_mode::read_write);
  };
  try {
    records_ = open();
    return;
  } catch (const orchestration::store_error& error) {
    // Not by its kind: on a full xfs no file can be made, and SQLite says that there is none.
    const std::uint64_t free = orchestration::disk_space_at(state_directory()).free_bytes;
    if (free >= ballast.size()) throw;
    if (command_.what == verb::update)
      throw fatal(exit_code::refused, std::string(error.what()) + "\nThe disk is full: " + std::to_string(free >> 20) +
                                          " MiB are free in " + state_directory().string() +
                                          ", and an update needs at least 16 MiB there. Nothing was changed. Free some "
                                          "space first. Going back needs none: "
                                          "dockupd recover, dockupd rollback");
    if (ballast.release().empty()) throw;
  }
  say_warning("the disk of " + state_directory().string() + " is full: the room kept back there was given up");
  records_ = open();
}

void session::refuse_in_the_middle() {
  if (!records_->open_attempt()) return;
  // What is there is half old, half new: a plan made from it would be wrong.
  if (const auto holder = running()) throw locked_by(*holder);
  throw fatal(exit_code::interrupted_run_found,
              "a run of project " + project_name() + " was interrupted. First: dockupd recover -p " + project_name());
}

std::optional<orchestration::lock_holder> session::running() {
  return orchestration::project_lock::holder(state_directory());
}

fatal session::locked_by(const orchestration::lock_holder& holder) {
  return fatal(exit_code::locked_or_held, "project " + project_name() + " is locked by " + to_text(holder) +
                                              ". Nothing was changed. To wait for it: --lock-wait SECONDS");
}

orchestration::workspace& session::open_for_reading() {
  records_ = has_state() ? orchestration::store::open(state_directory(), orchestration::open_mode::read_only)
                         : orchestration::store::in_memory();
  hide_secrets_of(*records_);
  refuse_in_the_middle();
  snapshots_.emplace(snapshots());
  workspace_ = std::make_unique<orchestration::workspace>(engine(), *records_, *snapshots_, pool_);
  return *workspace_;
}

// --- engine ----------------------------------------------------------------------------------------------------

orchestration::engine& session::engine() {
  if (!engine_) {
    const docker::engine_address address =
        docker::resolve_engine_address(command_.host, command_.context, environment_);
    docker::client_options options;
    options.pinned_api_version = environment_("DOCKER_API_VERSION").value_or("");
    orchestration::docker_engine_options engine_options;
    engine_options.local = address.is_local();
    const std::string config = docker::docker_config_directory(environment_);
    if (!config.empty()) engine_options.config_file = fs::path(config) / "config.json";
    hide_credentials_in(engine_options.config_file);
    engine_ = std::make_unique<orchestration::docker_engine>(docker::client(context_.get_executor(), address, options),
                                                             engine_options);
  }
  return *engine_;
}

std::string who_asks() {
  std::string user;
  if (const auto sudo = from_environment("SUDO_USER"))
    user = *sudo;
  else if (const passwd* entry = getpwuid(getuid()))
    user = entry->pw_name;
  else
    user = std::to_string(getuid());
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  return user + "@" + host;
}

}  // namespace dockupd
