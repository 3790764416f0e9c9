// What the endpoints share: one engine, its connections, the API version spoken with it. Not part of the public API.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "docker_client/client.hpp"
#include "docker_client/json.hpp"
#include "docker_client/reply_stream.hpp"
#include "docker_client/wire/http_codec.hpp"
#include "docker_client/wire/pool.hpp"

namespace docker {

/// std::invalid_argument when empty, "." or ".." (the engine would redirect to another endpoint). A leading slash, as
/// list answers have it, is dropped.
std::string checked_name(std::string_view id_or_name);
/// The same percent-encoded, for a path.
std::string path_part(std::string_view id_or_name);
/// The same for an image's name, whose slashes and colons are part of the path.
std::string image_path_part(std::string_view reference);

/// "?a=b&c=d", values encoded; "" when nothing was added.
class query {
 public:
  query& add(std::string_view name, std::string_view value);
  query& add_filled(std::string_view name, std::string_view value);  // not when the value is empty
  query& add_json(std::string_view name, const json& value);         // not when it is null or empty
  const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

enum class api_prefix { versioned, bare };  // bare: /_ping and /version, which must work before negotiation

struct engine_call {
  engine_call(std::string method_name, std::string path_and_query)
      : method(std::move(method_name)), path(std::move(path_and_query)) {}
  std::string method;
  std::string path;  // encoded, with the query, without the version
  http_fields fields;
  std::string body;
  api_prefix prefix = api_prefix::versioned;
  std::optional<std::chrono::milliseconds> first_byte;  // absent: the client's
  std::optional<std::chrono::milliseconds> idle;

  void set_body(const json& value);
  bool is_safe() const { return method == "GET" || method == "HEAD"; }
};

engine_call unversioned(std::string method, std::string path);

struct answer {
  answer(reply_head reply, std::string content, request_line request)
      : head(std::move(reply)), body(std::move(content)), line(std::move(request)) {}
  reply_head head;
  std::string body;
  request_line line;
  int status() const noexcept { return head.status; }
};

/// error (refused_by_engine) with the engine's words.
[[noreturn]] void throw_refusal(const answer& refused);
/// Unless the status is one of these.
void throw_unless(const answer& reply, std::initializer_list<int> expected);
/// The body as JSON; error (protocol) of this request when it is none.
json body_of(const answer& reply);
/// The Id of what was created; error (protocol) when the engine names none.
std::string created_id(const answer& reply, const json& created);

class engine_link {
 public:
  engine_link(stream_factory dial, std::string base_path, client_options options);

  /// The whole reply, whatever its status. A body over 64 MiB is a protocol error.
  task<answer> call(engine_call request);
  /// The body of a successful reply as a stream; throw_refusal() for any other.
  task<reply_stream> open(engine_call request);

  task<api_version> negotiate();
  task<ping_result> ping();
  bool is_podman() const noexcept { return podman_; }
  const client_options& options() const noexcept { return options_; }

 private:
  struct outcome {
    outcome(reply_stream answered, std::string error_body) : reply(std::move(answered)), body(std::move(error_body)) {}
    reply_stream reply;
    std::string body;  // of a refusal
  };
  task<outcome> converse(engine_call request);
  task<reply_stream> attempt(engine_call request);
  task<std::string> target_of(const engine_call& request);
  bool may_renegotiate(const engine_call& request, const outcome& refused) const;

  std::shared_ptr<pool> pool_;
  std::string base_path_;
  client_options options_;
  std::optional<api_version> version_;
  bool podman_ = false;
};

}  // namespace docker
