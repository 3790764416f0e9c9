// argv → what was asked, as a value.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "orchestration/project/config_hash.hpp"

namespace dockupd {

enum class verb {
  update,
  plan,
  rollback,
  recover,
  status,
  history,
  snapshot_list,
  snapshot_show,
  snapshot_verify,
  unhold,
  unlock,
  config,
  version
};
/// What `config` prints.
enum class config_view { document, hashes, creates, services, images, networks, volumes, nothing };
/// Where an update keeps the tag or image that it was given.
enum class pin_way {
  tag,            // in the variable of the image line
  digest,         // there, with the digest that it means now: v2@sha256:…
  override_file,  // as `image:` in compose's override file
  none            // nowhere
};
enum class progress_style { automatic, tty, plain, json, quiet };

/// As it is typed: "snapshot list".
std::string_view name_of(verb what);

struct command {
  verb what = verb::status;

  // Which project: compose's own options.
  std::vector<std::string> files;
  std::string project_name;
  std::string project_directory;
  std::vector<std::string> env_files;
  std::vector<std::string> profiles;
  std::vector<std::string> services;

  // Which engine, which state.
  std::string host;
  std::string context;
  std::string state_dir;

  // update, plan
  std::string tag;
  std::string tag_variable;
  std::map<std::string, std::string> images;  // service → reference
  pin_way pin = pin_way::tag;
  bool snapshot = true;
  std::optional<std::chrono::seconds> health_timeout;
  std::optional<std::chrono::seconds> migration_timeout;
  std::optional<std::chrono::seconds> stable_for;
  std::optional<std::chrono::seconds> grace_period;

  // rollback
  std::string target;  // "r41", "41" or a tag; empty: the last verified release before the present one
  bool with_data = false;
  bool no_data = false;
  bool check = false;

  // recover
  bool all = false;
  bool rebuild = false;
  std::chrono::seconds engine_wait{0};

  // snapshot show, snapshot verify, unhold, unlock
  std::string id;

  // config
  config_view view = config_view::document;
  orchestration::hash_dialect dialect = orchestration::hash_dialect::compose_2_30;
  std::string api;                                // "1.41"; empty: the newest
  std::map<std::string, std::string> containers;  // service → container id, from --resolve

  std::string reason;
  std::chrono::seconds lock_wait{0};
  bool json = false;
  progress_style progress = progress_style::automatic;
};

/// What main() is to do: a command, or a text to print and the exit code that goes with it (--help, a usage error).
struct early_exit {
  int code = 0;
  std::string text;
};
std::variant<command, early_exit> parse_command_line(int argc, const char* const* argv);

}  // namespace dockupd
