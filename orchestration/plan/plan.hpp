// The plan: what will be done, in which order, and why, as a value. `dockupd plan` prints it, `update`, `rollback`
// and `recover` execute the very same value, the journal keeps it, and tests compare its text.
//
// One operation is one engine call, one archive or one file edit. Each can be repeated after a kill at any instant:
// it says what has to be true afterwards, and the executor acts only where that is not so yet.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "docker_client/json.hpp"

namespace orchestration {

/// Phases in the order they run. Everything before cut_over leaves what runs alone.
enum class phase { pull, create, cut_over, restore, start, verify, pin, commit };

/// A container of the plan. One that exists is known by its id; one that the plan creates is found by the labels
/// io.dockupd.attempt and io.dockupd.subject that it is created with.
struct container_ref {
  std::string subject;  // "web.1": service and number
  std::string id;       // 64 hex; empty: the one this attempt creates for `subject`
  bool operator==(const container_ref&) const = default;
};

/// "service:vpn" in a create body stands for the id that `container` turns out to have.
struct joined_service {
  std::string service;
  container_ref container;
  bool operator==(const joined_service&) const = default;
};

/// What a started container has to reach before the plan goes on.
enum class goal { started, healthy, completed };
/// The state a container is left in, and proven in.
enum class run_state { running, paused, completed, stopped };

struct pull_image {
  std::string reference;              // as written: "127.0.0.1:5000/shop:v2"
  std::string digest;                 // sha256:… that the tag meant when it was resolved; empty: not resolved yet
  std::string platform;               // "linux/arm64"; empty: the engine's own
  std::vector<std::string> services;  // for whom
  std::string meant_before;           // image id that the reference meant locally; empty: it was not local
};
/// Keeps the image of a release from being pruned: tags `image_id` as `keep_as`.
struct keep_image {
  std::string image_id;
  std::string keep_as;  // "dockupd.local/kept:shop.web.r3"
};
struct ensure_network {
  std::string name;
  docker::json body;  // POST /networks/create
};
struct ensure_volume {
  std::string name;
  docker::json body;  // POST /volumes/create
};
struct create_container {
  container_ref target;
  std::string name;            // final
  std::string temporary_name;  // until take_name
  std::string image;           // what body.Image says; with `digest` or `image_id` it says exactly which
  std::string digest;          // of the image, when it was pulled by this plan
  std::string image_id;        // known beforehand only when a stored release is brought back
  std::string meant_before;    // image id that `image` meant locally then; empty: it was not local, or is not moved
  std::string platform;
  std::string replaces;  // id of the old container, whose anonymous volumes are carried over; may be empty
  docker::json body;     // create body; the image label and carried volumes are added when it is sent
  std::vector<std::pair<std::string, docker::json>> connect_after;  // network, endpoint: engines before API 1.44
  docker::json files;  // written into it before it is started, see project/placed_file.hpp; null: none
  /// Containers that `body` names by service. Their ids are part of the config hash as well: the label is made from
  /// `hashed` (see project/config_hash.hpp) once they are known. Null: it is in the body.
  std::vector<joined_service> joins;
  docker::json hashed;
};
/// Stops the container and disarms it: restart policy "no", so that no reboot starts it beside its successor. One that
/// does not run is only disarmed.
struct stop_container {
  container_ref target;
  run_state was = run_state::running;
  std::optional<std::chrono::seconds> grace_period;  // absent: the container's own
  // How it was found, so that the way back can be planned without looking again. Empty in an undo.
  std::string name;
  std::string image_id;
  std::string config_hash;
  docker::json restart_policy;
  goal until = goal::started;  // what those that depend on it need
  bool has_health_check = false;
  bool sound = true;      // false: it was restarting or unhealthy, so nothing is to be proven of it
  bool restarts = false;  // with what it depends on, and so on the way back too
  std::chrono::milliseconds budget{0};
  std::chrono::milliseconds steady_for{0};
};
struct rename_container {
  container_ref target;
  std::string from;
  std::string to;
};
struct volume_target {
  std::string name;        // real name
  std::string key;         // in the compose file; empty for an anonymous volume
  std::string mountpoint;  // on the engine's host; empty when the volume did not exist when planned
  bool operator==(const volume_target&) const = default;
};
struct snapshot_volumes {
  std::string snapshot_id;
  std::string reason;  // "before update to v2", "safety copy before rollback"
  int of_release = 0;  // whose data it holds; 0: an unverified version's
  std::vector<volume_target> volumes;
};
/// Replaces the whole content of the volumes by the snapshot's.
struct restore_volumes {
  std::string snapshot_id;
  std::vector<volume_target> volumes;
};
struct start_container {
  container_ref target;
  goal until = goal::started;
  docker::json restart_policy;           // re-armed with this before the start; null: leave as created
  run_state leave = run_state::running;  // paused: pause again after the start; stopped: re-arm only, no start
  std::chrono::milliseconds budget{0};   // for reaching `until`
};
struct verify_container {
  container_ref target;
  std::string name;  // has to bear it
  run_state expected = run_state::running;
  std::string image;  // the running image is the one this names locally (with digest, if given)…
  std::string digest;
  std::string image_id;     // …or exactly this one; empty: by `image`
  std::string config_hash;  // label; empty: as the plan's `hashed` tells, and else not compared
  bool has_health_check = false;
  std::chrono::milliseconds budget{0};      // to become healthy, or to have run `steady_for`
  std::chrono::milliseconds steady_for{0};  // unbroken running, after healthy where there is a health check
};
struct pin_tag {
  std::string file;      // the env file, absolute
  std::string variable;  // "IMAGE_TAG"
  std::string value;     // what has to stand there; empty: no line
  std::string previous;  // what the variable was, by that file or by its default; empty: unknown
  bool has_line = true;  // false: no line set it yet, so the way back takes the line out again
};
struct pinned_image {
  std::string service;
  std::string image;     // what has to stand there; empty: nothing
  std::string previous;  // what stood there; empty: nothing
  bool operator==(const pinned_image&) const = default;
};
/// The images of services in compose's override file, for those that no variable decides.
struct pin_images {
  std::string file;  // absolute
  std::vector<pinned_image> images;
  docker::json old_text;  // that of the file when this was planned; null: there is none
  docker::json new_text;  // what it is to have; null: it goes
};
struct remove_container {
  container_ref target;
  bool evidence = false;  // keep its last log lines and inspect under evidence/ first
};
/// Networks and volumes that this attempt created and that nothing uses.
struct remove_network {
  std::string name;
};
struct remove_volume {
  std::string name;
};

using action = std::variant<pull_image, keep_image, ensure_network, ensure_volume, create_container, stop_container,
                            rename_container, snapshot_volumes, restore_volumes, start_container, verify_container,
                            pin_tag, remove_container, remove_network, remove_volume, pin_images>;

struct operation {
  int number = 0;  // from 1, in order of execution
  phase when = phase::pull;
  action what;
  std::string cause;       // why, in a few words: "image v1 -> v2"
  std::vector<int> after;  // numbers of the operations whose effect it needs
};

/// What becomes of a service, and where its tag comes from: for people and scripts, nothing is done by it.
struct service_outlook {
  std::string service;
  std::string action;               // nothing, create, recreate, restart, start or remove
  std::vector<std::string> causes;  // each in a few words: "image v1 -> v2", "environment: LOG_LEVEL changed"
  std::string image;                // as it is to be
  std::string tag;                  // of that; this and the following as in tag_origin, and empty in a rollback
  std::string tag_source;
  std::string tag_variable;
  std::string tag_file;
  int tag_line = 0;
  std::string tag_text;
  bool operator==(const service_outlook&) const = default;
};

struct plan {
  std::string project;
  std::string attempt_id;
  std::vector<service_outlook> services;  // by name
  std::vector<operation> operations;
  std::vector<std::string> notes;  // what a reader should know: services left alone, bind mounts not in the snapshot
  bool empty() const { return operations.empty(); }
};

/// One line an operation, then one a note: number, verb, subject, detail, cause, what it comes after.
/// "1 pull    127.0.0.1:5000/shop:v2  for migrate, web  image shop:v1 -> shop:v2"
/// "2 create  web.1                                     image shop:v1 -> shop:v2  after 1"
std::string to_text(const plan& p);
/// What becomes of each service and why, then where each tag comes from; each as a table with a heading.
std::string services_text(const std::vector<service_outlook>& services);
/// Only where the tags come from.
std::string tags_text(const std::vector<service_outlook>& services);
docker::json to_json(const std::vector<service_outlook>& services);
/// For people and scripts: no create bodies, no environment values.
docker::json to_public_json(const plan& p);
/// Everything, for the journal; plan_from_json(to_json(p)) is p. Throws docker::json_error naming the member.
docker::json to_json(const plan& p);
plan plan_from_json(const docker::json& document);

std::string_view to_text(phase p);
/// "IMAGE_TAG=v2"; "IMAGE_TAG unset" where no line is to stand.
std::string to_text(const pin_tag& p);
/// "web=shop:v2, db unset"
std::string to_text(const pin_images& p);

}  // namespace orchestration
