// /_ping, /version, /info, /events and /system/df of the Engine API. Errors as in containers.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "docker_client/json.hpp"
#include "docker_client/reply_stream.hpp"
#include "docker_client/streams.hpp"
#include "docker_client/task.hpp"

namespace docker {

class engine_link;

struct ping_result {
  std::string api_version;  // "1.41"; "" when the engine does not say
  std::string os_type;      // "linux"; "" on Podman
  bool podman = false;
};

struct event_options {
  event_options() = default;
  std::string since;  // unix "sec[.nanos]" in the engine's clock, inclusive; "" from now
  std::string until;  // "" for ever
  json filters;       // {"container": [id]} or null
};

class event_stream {
 public:
  explicit event_stream(reply_stream reply) : reply_(std::move(reply)) {}
  /// nullopt: the engine ended the stream. Without `until` that is never "done": reconnect and look again.
  task<std::optional<json>> next();
  void close() noexcept { reply_.close(); }

 private:
  reply_stream reply_;
  json_splitter values_;
};

class system {
 public:
  explicit system(std::shared_ptr<engine_link> link) : link_(std::move(link)) {}

  task<ping_result> ping() const;
  task<json> version() const;
  task<json> info() const;
  task<json> disk_usage() const;
  /// Subscribed when it returns. The engine keeps 256 events and drops those of a slow reader: list after subscribing.
  task<event_stream> events(event_options options) const;

 private:
  std::shared_ptr<engine_link> link_;
};

}  // namespace docker
