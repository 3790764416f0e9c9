#include "tools/dockupd/session.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <cstdlib>
#include <thread>

#include "docker_client/client.hpp"
#include "docker_client/error.hpp"
#include "orchestration/files/disk_space.hpp"
#include "orchestration/files/durable_file.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/docker_engine.hpp"
#include "orchestration/run/targets.hpp"
#include "tools/dockupd/known_projects.hpp"
#include "tools/dockupd/logging.hpp"
#include "tools/dockupd/redaction.hpp"

extern char** environ;

namespace dockupd {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> from_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

/// What older releases and a run in the middle were given comes back in logs and errors as well.
void hide_secrets_of(const orchestration::store& records) {
  for (const orchestration::release& r : records.releases()) hide_secrets_in(to_json(r));
  if (const auto open = records.open_attempt()) hide_secrets_in(open->plan);
}

void hide_credentials_in(const fs::path& docker_config) {
  if (docker_config.empty()) return;
  try {
    const docker::json config = docker::json::parse(orchestration::read_file(docker_config));
    hide_credentials(config);
    const docker::json* auths = config.find("auths");
    const fs::perms mode = fs::status(docker_config).permissions();
    if (auths != nullptr && !auths->empty() && (mode & fs::perms::others_read) != fs::perms::none)
      say_warning("everybody on this host can read the credentials in " + docker_config.string() + ": chmod 600 it");
  } catch (const std::runtime_error&) {
    // Not there, or not to be read: then nobody else reads it either, or says so.
  }
}

}  // namespace

std::map<std::string, std::string> whole_environment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

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

std::optional<orchestration::lock_holder> session::try_lock(const std::string& name, const std::string& operation) {
  orchestration::ensure_private_directory(state_root());
  orchestration::ensure_private_directory(state_root() / name);
  orchestration::lock_holder me;
  me.who = who_asks();
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
  workspace_->guard_wait = command_.lock_wait;
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
