#include "tools/dockupd/command_line.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <sstream>

#include "tools/dockupd/exit_code.hpp"

namespace dockupd {
namespace {

using seconds = std::chrono::seconds;

constexpr const char* footer =
    "Exit codes: 0 done or nothing to do · 2 usage or compose file · 3 refused beforehand · 4 registry or pull ·\n"
    "5 snapshot · 10 plan: something would change · 20 failed, old release verified running ·\n"
    "22 rolled back, not verified · 30 a person is needed · 40 interrupted run not recovered · 75 locked or on hold\n"
    "After 2, 3, 4, 5, 10 and 75 nothing has changed.";

constexpr const char* config_footer =
    "Without an option: the project as \"docker compose config --format json\" prints it, values of secret variables\n"
    "included. All of these ask neither engine nor network; what only an engine knows is not there: the label\n"
    "com.docker.compose.image, and the config hash label of a service that joins a container that --resolve does not\n"
    "name. --hash prints such a service's hash with the name in the id's place, and says so on stderr.\n"
    "--create prints {\"method\", \"path\", \"query\", \"body\"}: networks, volumes, then containers in the order of "
    "their\n"
    "start, each followed below API 1.44 by its network connects.";

class parser {
 public:
  parser() : app_("Moves a compose project from one version to the next on this engine, and back.", "dockupd") {
    app_.require_subcommand(1);
    app_.footer(footer);
    app_.set_help_all_flag("--help-all", "Help for all commands");
    add_update("update", "Move the project to what the compose files say, with a tag; back by itself when it fails")
        ->alias("deploy");
    add_plan();
    add_rollback();
    add_recover();
    add_plain("status", verb::status, "What runs, its release, drift, holds, and whether a rollback is ready");
    add_plain("history", verb::history, "Releases and failed attempts, newest first");
    add_snapshot();
    add_unhold();
    add_unlock();
    add_config();
    auto* version = app_.add_subcommand("version", "Version of dockupd");
    add_output(version);
    version->callback([this] { command_.what = verb::version; });
  }

  std::variant<command, early_exit> parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
      finish();
    } catch (const CLI::ParseError& error) {
      std::ostringstream out;
      std::ostringstream err;
      const bool asked_for_help = app_.exit(error, out, err) == 0;
      if (asked_for_help) return early_exit{0, out.str()};
      return early_exit{static_cast<int>(exit_code::usage), err.str()};
    }
    return command_;
  }

 private:
  void add_files(CLI::App* to) {
    to->add_option("-f,--file", command_.files, "Compose file; repeatable")->allow_extra_args(false);
    to->add_option("-p,--project-name", command_.project_name, "Project name");
    to->add_option("--project-directory", command_.project_directory, "Directory that relative paths start from");
    to->add_option("--env-file", command_.env_files, "Environment file; repeatable")->allow_extra_args(false);
    to->add_option("--profile", command_.profiles, "Profile to switch on; repeatable")->allow_extra_args(false);
  }
  void add_project(CLI::App* to) {
    add_files(to);
    to->add_option("-H,--host", command_.host, "Engine to talk to (unix:///…, tcp://…); default DOCKER_HOST");
    to->add_option("--context", command_.context, "Docker context to take the engine from");
    to->add_option("--state-dir", command_.state_dir, "Where releases, journal and snapshots are kept")
        ->envname("DOCKUPD_STATE_DIR");
  }
  void add_output(CLI::App* to) {
    to->add_flag("--json", command_.json, "One JSON document on stdout");
    const std::map<std::string, progress_style> styles{{"auto", progress_style::automatic},
                                                       {"tty", progress_style::tty},
                                                       {"plain", progress_style::plain},
                                                       {"json", progress_style::json},
                                                       {"quiet", progress_style::quiet}};
    to->add_option("--progress", command_.progress, "auto, tty, plain, json or quiet; on stderr")
        ->transform(CLI::CheckedTransformer(styles).description(""))
        ->option_text("STYLE");
  }
  void add_change(CLI::App* to) {
    add_seconds(to, "--lock-wait", lock_wait_, "Seconds to wait for another run to end");
    to->add_option("--reason", command_.reason, "Why, for the history");
    add_seconds(to, "--health-timeout", health_timeout_, "Seconds a service may take to become healthy");
    add_seconds(to, "--migration-timeout", migration_timeout_,
                "Seconds a one-shot service may take to complete (600); 0: no limit");
    add_seconds(to, "--stable-for", stable_for_, "Seconds a service without health check has to run unbroken (10)");
    add_seconds(to, "-t,--timeout", grace_period_, "Seconds from stop signal to kill; default the container's own");
  }
  void add_target(CLI::App* to) {
    to->add_option("--tag", command_.tag, "Tag to move to: set in the variable that the image lines use")
        ->check([](const std::string& tag) { return tag.empty() ? std::string("is empty") : std::string(); });
    to->add_option("--tag-variable", command_.tag_variable, "That variable's name, when there are several");
    to->add_option("--image", images_, "SERVICE=REFERENCE: image of one service; repeatable")->allow_extra_args(false);
    const std::map<std::string, pin_way> ways{{"tag", pin_way::tag},
                                              {"digest", pin_way::digest},
                                              {"override", pin_way::override_file},
                                              {"none", pin_way::none}};
    to->add_option(
          "--pin", command_.pin,
          "Where it is kept: tag (in the variable; the default), digest (there, as TAG@sha256:…), override (as "
          "image: in compose's override file), none")
        ->transform(CLI::CheckedTransformer(ways).description(""))
        ->option_text("WAY");
    to->add_flag("!--no-snapshot", command_.snapshot, "Do not archive the volumes: data cannot be put back");
    to->add_option("services", command_.services, "Services to move; default all")->option_text("SERVICE...");
  }
  static void add_seconds(CLI::App* to, const std::string& name, std::optional<long>& into, const std::string& text) {
    to->add_option(name, into, text)->check(CLI::NonNegativeNumber.description(""))->option_text("SECONDS");
  }
  CLI::App* add_update(const std::string& name, const std::string& text) {
    auto* sub = app_.add_subcommand(name, text);
    add_project(sub);
    add_target(sub);
    add_change(sub);
    add_output(sub);
    sub->callback([this] { command_.what = verb::update; });
    return sub;
  }
  void add_plan() {
    auto* sub = app_.add_subcommand("plan", "What update would do now, and why; exit 10 when something would change");
    add_project(sub);
    add_target(sub);
    add_change(sub);
    add_output(sub);
    sub->callback([this] { command_.what = verb::plan; });
  }
  void add_rollback() {
    auto* sub = app_.add_subcommand("rollback", "Go back to a stored release; needs no compose file and no registry");
    add_project(sub);
    add_change(sub);
    add_output(sub);
    sub->add_option("release,--to", command_.target, "r41 or a tag; default the last verified one before the present");
    auto* with = sub->add_flag("--with-data", command_.with_data, "Put the data of that release back");
    sub->add_flag("--no-data", command_.no_data, "Keep the present data")->excludes(with);
    sub->add_flag("--check", command_.check, "Only print what would be done");
    sub->callback([this] { command_.what = verb::rollback; });
  }
  void add_recover() {
    auto* sub = app_.add_subcommand("recover", "Finish or undo an interrupted run; start what runs no more");
    add_project(sub);
    auto* all = sub->add_flag("--all", command_.all, "Every project in the state directory, one after the other");
    all->excludes(sub->get_option("--project-name"));
    all->excludes(sub->get_option("--file"));
    add_seconds(sub, "--engine-wait", engine_wait_, "Seconds to wait for the engine to answer");
    sub->add_flag("--rebuild", command_.rebuild, "Begin the records anew where they are damaged or lost")
        ->excludes(all);
    add_seconds(sub, "--lock-wait", lock_wait_, "Seconds to wait for another run to end");
    add_seconds(sub, "--health-timeout", health_timeout_, "Seconds a service may take to become healthy");
    add_seconds(sub, "--stable-for", stable_for_, "Seconds a service without health check has to run unbroken (10)");
    add_output(sub);
    sub->callback([this] { command_.what = verb::recover; });
  }
  void add_plain(const std::string& name, verb what, const std::string& text) {
    auto* sub = app_.add_subcommand(name, text);
    add_project(sub);
    add_output(sub);
    sub->callback([this, what] { command_.what = what; });
  }
  void add_snapshot() {
    auto* sub = app_.add_subcommand("snapshot", "Volume archives");
    sub->require_subcommand(1);
    const auto add = [&](const char* name, verb what, const char* text, bool with_id) {
      auto* leaf = sub->add_subcommand(name, text);
      add_project(leaf);
      add_output(leaf);
      if (with_id) leaf->add_option("id", command_.id, "Snapshot id; default the newest")->option_text("[ID]");
      leaf->callback([this, what] { command_.what = what; });
    };
    add("list", verb::snapshot_list, "All snapshots, newest first", false);
    add("show", verb::snapshot_show, "What one snapshot holds", true);
    add("verify", verb::snapshot_verify, "Read back every byte of one snapshot", true);
  }
  void add_unhold() {
    auto* sub = app_.add_subcommand("unhold", "Lift the hold on an image that was rolled back");
    add_project(sub);
    add_output(sub);
    sub->add_option("reference", command_.id, "Image reference; see: dockupd status")->required();
    sub->callback([this] { command_.what = verb::unhold; });
  }
  void add_unlock() {
    auto* sub = app_.add_subcommand("unlock", "Take the engine from a dead run of another state directory");
    add_project(sub);
    add_output(sub);
    sub->add_option("op", command_.id, "That run's id, in full; see: dockupd status")->required();
    sub->callback([this] { command_.what = verb::unlock; });
  }
  void add_config() {
    auto* sub = app_.add_subcommand(
        "config", "The resolved project, its config hashes, or what would be created; asks no engine");
    add_files(sub);
    sub->footer(config_footer);
    sub->add_option("--format", config_format_, "json, which is the default, is the only one")
        ->check(CLI::IsMember({"json"}).description(""))
        ->option_text("FORMAT");
    add_views(sub->add_option_group("What to print", "Instead of the whole project"));
    sub->add_option("--dialect", dialect_,
                    "Whose hash: A = compose 2.30 to 2.40, B = 5.0.0, B' = 5.0.2 and on, H1 = 2.24 to 2.29; default A")
        ->option_text("DIALECT");
    sub->add_option("--api", command_.api,
                    "API version of what --create prints; default the newest that dockupd speaks")
        ->option_text("VERSION");
    sub->add_option("--resolve", resolved_, "SERVICE=CONTAINER_ID: of a service that others join; repeatable")
        ->allow_extra_args(false);
    sub->add_option("services", command_.services, "Only these, and for the project what they depend on")
        ->option_text("SERVICE...");
    sub->callback([this] { command_.what = verb::config; });
  }
  void add_views(CLI::App* group) {
    group->require_option(0, 1);
    const auto add = [&](const char* name, config_view view, const char* text) {
      group->add_flag_callback(
          name, [this, view] { command_.view = view; }, text);
    };
    add("--hash", config_view::hashes, "SERVICE HASH a line: the label that compose up writes");
    add("--create", config_view::creates, "The create requests in their order, one JSON document a line");
    add("--services", config_view::services, "Names of the services");
    add("--images", config_view::images, "Their images");
    add("--networks", config_view::networks, "Keys of the networks that they use");
    add("--volumes", config_view::volumes, "Keys of the volumes that they use");
    add("-q,--quiet", config_view::nothing, "Nothing: only check the files");
  }
  static orchestration::hash_dialect dialect_of(const std::string& name) {
    using orchestration::hash_dialect;
    static const std::map<std::string, hash_dialect> known = {
        {"a", hash_dialect::compose_2_30},      {"2.30", hash_dialect::compose_2_30},
        {"2.40", hash_dialect::compose_2_30},   {"b", hash_dialect::compose_5_0},
        {"5.0", hash_dialect::compose_5_0},     {"5.0.0", hash_dialect::compose_5_0},
        {"5.0.1", hash_dialect::compose_5_0},   {"b'", hash_dialect::compose_5_0_2},
        {"b2", hash_dialect::compose_5_0_2},    {"bprime", hash_dialect::compose_5_0_2},
        {"5.0.2", hash_dialect::compose_5_0_2}, {"5.5", hash_dialect::compose_5_0_2},
        {"h1", hash_dialect::compose_2_24},     {"2.24", hash_dialect::compose_2_24},
        {"2.29", hash_dialect::compose_2_24}};
    const auto found = known.find(CLI::detail::to_lower(name));
    if (found == known.end()) throw CLI::ValidationError("--dialect", "wants A, B, B' or H1, got " + name);
    return found->second;
  }
  // `--hash` takes its services as compose does, too: "*", or several with commas between.
  void split_hashed_services() {
    std::vector<std::string> names;
    for (const std::string& given : command_.services)
      for (std::string& name : CLI::detail::split(given, ',')) names.push_back(std::move(name));
    if (std::find(names.begin(), names.end(), "*") != names.end()) names.clear();
    command_.services = std::move(names);
  }
  void finish_config() {
    if (command_.view == config_view::hashes) split_hashed_services();
    if (!dialect_.empty()) command_.dialect = dialect_of(dialect_);
    command_.containers = pairs(resolved_, "--resolve", "SERVICE=CONTAINER_ID");
  }
  static std::map<std::string, std::string> pairs(const std::vector<std::string>& written, const std::string& option,
                                                  const std::string& form) {
    std::map<std::string, std::string> out;
    for (const std::string& pair : written) {
      const auto equals = pair.find('=');
      if (equals == std::string::npos || equals == 0 || equals + 1 == pair.size())
        throw CLI::ValidationError(option, "wants " + form + ", got " + pair);
      out[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    return out;
  }
  void finish() {
    const auto to_seconds = [](const std::optional<long>& from) -> std::optional<seconds> {
      if (from) return seconds(*from);
      return std::nullopt;
    };
    command_.health_timeout = to_seconds(health_timeout_);
    command_.migration_timeout = to_seconds(migration_timeout_);
    command_.stable_for = to_seconds(stable_for_);
    command_.grace_period = to_seconds(grace_period_);
    command_.lock_wait = seconds(lock_wait_.value_or(0));
    command_.engine_wait = seconds(engine_wait_.value_or(0));
    command_.images = pairs(images_, "--image", "SERVICE=REFERENCE");
    finish_config();
  }

  CLI::App app_;
  command command_;
  std::vector<std::string> images_;
  std::vector<std::string> resolved_;
  std::string config_format_;
  std::string dialect_;
  std::optional<long> lock_wait_;
  std::optional<long> engine_wait_;
  std::optional<long> health_timeout_;
  std::optional<long> migration_timeout_;
  std::optional<long> stable_for_;
  std::optional<long> grace_period_;
};

}  // namespace

std::string_view name_of(verb what) {
  switch (what) {
    case verb::update:
      return "update";
    case verb::plan:
      return "plan";
    case verb::rollback:
      return "rollback";
    case verb::recover:
      return "recover";
    case verb::status:
      return "status";
    case verb::history:
      return "history";
    case verb::snapshot_list:
      return "snapshot list";
    case verb::snapshot_show:
      return "snapshot show";
    case verb::snapshot_verify:
      return "snapshot verify";
    case verb::unhold:
      return "unhold";
    case verb::unlock:
      return "unlock";
    case verb::config:
      return "config";
    case verb::version:
      return "version";
  }
  return "";
}

std::variant<command, early_exit> parse_command_line(int argc, const char* const* argv) {
  return parser().parse(argc, argv);
}

}  // namespace dockupd
