// /containers of the Engine API.
//
// Every function throws docker::error; ids and names must not be empty (std::invalid_argument). Inspect and list
// answers are the engine's, whole: nothing of a newer engine is lost on the way.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "docker_client/json.hpp"
#include "docker_client/reply_stream.hpp"
#include "docker_client/streams.hpp"
#include "docker_client/task.hpp"

namespace docker {

class engine_link;

struct create_result {
  std::string id;
  std::vector<std::string> warnings;
};

enum class start_result { started, already_running };
enum class stop_result { stopped, already_stopped };
enum class remove_result { removed, absent, in_progress };  // in_progress: someone else is removing it
enum class remove_volumes { no, yes };                      // the anonymous ones
enum class force { no, yes };                               // kill it first when it runs
enum class give_to_user { no, yes };                        // what is unpacked belongs to the container's user
enum class list_scope { running, all };

enum class wait_condition { not_running, next_exit, removed };

struct exit_status {
  std::int64_t code = 0;
  std::string engine_message;  // non-empty: waiting failed on the engine's side
};

/// A wait that the engine has acknowledged: a container started from now on cannot exit unseen.
class pending_wait {
 public:
  explicit pending_wait(reply_stream reply);
  /// Returns when the condition holds. Code 0 alone proves nothing: next_exit answers 0 for a container that was
  /// removed without having started. error (truncated) when the connection ends first: inspect then.
  task<exit_status> get();
  void close() noexcept { reply_.close(); }

 private:
  reply_stream reply_;
};

struct log_options {
  log_options() = default;
  std::optional<std::int64_t> tail;  // lines from the end; absent: all
  std::string since;                 // unix "sec[.nanos]", inclusive, the engine's clock; "" from the start
  std::string until;
  bool follow = false;
  bool timestamps = false;
  bool standard_output = true;
  bool standard_error = true;
};

/// Pieces of a container's output; a piece is neither a line nor whole characters.
class log_stream {
 public:
  log_stream(reply_stream reply, bool multiplexed);
  /// nullopt: the end (with follow: the container stopped). error (in_stream) when the engine reports a failure between
  /// the frames.
  task<std::optional<log_chunk>> next();
  void close() noexcept { reply_.close(); }

 private:
  reply_stream reply_;
  frame_decoder frames_;
  bool multiplexed_;
};

class containers {
 public:
  explicit containers(std::shared_ptr<engine_link> link) : link_(std::move(link)) {}

  /// `platform` "os/arch[/variant]" or "". 409 (the name is taken) is an error whose words name the holder.
  task<create_result> create(std::string name, json body, std::string platform = {}) const;
  /// 404 may also mean a network, or the container whose network this one joins: the words say which.
  task<start_result> start(std::string id) const;
  /// `grace_period` absent: the container's own (StopTimeout, 10 s). -1 s: never killed. stopped does not say how: the
  /// exit code 137 does.
  task<stop_result> stop(std::string id, std::optional<std::chrono::seconds> grace_period = std::nullopt,
                         std::string signal = {}) const;
  task<> kill(std::string id, std::string signal = {}) const;
  task<> pause(std::string id) const;
  task<> unpause(std::string id) const;
  task<> rename(std::string id, std::string name) const;
  task<remove_result> remove(std::string id, remove_volumes volumes = remove_volumes::no,
                             force kill_first = force::no) const;
  task<std::optional<json>> inspect(std::string id_or_name) const;  // nullopt: no such container
  /// `filters` {"label": ["a=b"]} or null. The engine's array.
  task<json> list(json filters = nullptr, list_scope scope = list_scope::all) const;
  /// Returns once the engine's header is here; start the container after that.
  task<pending_wait> wait(std::string id, wait_condition condition) const;
  task<log_stream> logs(std::string id, log_options options) const;
  /// Both streams, in the order they came, at most `most_bytes` (the last ones).
  task<std::string> last_lines(std::string id, std::int64_t lines, std::size_t most_bytes = 1024 * 1024) const;
  /// {"Name": "on-failure", "MaximumRetryCount": 3}
  task<> update_restart_policy(std::string id, json policy) const;
  /// A tar of `path` ("path/." its content). Read it to its end without pause: the engine holds the container's lock
  /// until then, and neither stop nor inspect of this container answers.
  task<reply_stream> archive_get(std::string id, std::string path) const;
  /// Unpacks a tar in the directory `path` of the container, which need not run; missing directories below it are made,
  /// and no directory gives way to a file. 500 when its root, or a volume there, is read-only. The engine answers 200
  /// to a tar that is cut as well.
  task<> archive_put(std::string id, std::string path, std::string tar, give_to_user owner = give_to_user::no) const;

 private:
  task<bool> has_terminal(std::string id) const;
  std::shared_ptr<engine_link> link_;
};

}  // namespace docker
