#include "docker_client/containers.hpp"

#include <array>

#include "docker_client/engine_link.hpp"

namespace docker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string container_path(std::string_view id, std::string_view action = {}) {
  return "/containers/" + path_part(id) + std::string(action);
}

// The engine may have to copy an image's volumes, wait for a runtime, or free gigabytes.
engine_call slow_call(std::string method, std::string path, const client_options& options) {
  engine_call request(std::move(method), std::move(path));
  request.first_byte = options.slow_first_byte;
  return request;
}

std::vector<std::string> warnings_of(const json& created) {
  std::vector<std::string> out;
  const json* warnings = created.find("Warnings");
  if (warnings != nullptr && warnings->is_array())
    for (const json& warning : warnings->elements())
      out.push_back(warning.is_string() ? warning.as_string() : warning.to_text());
  return out;
}

std::string_view name_of(wait_condition condition) {
  switch (condition) {
    case wait_condition::not_running:
      return "not-running";
    case wait_condition::next_exit:
      return "next-exit";
    case wait_condition::removed:
      return "removed";
  }
  return {};
}

query to_query(const log_options& options) {
  query parameters;
  parameters.add("stdout", options.standard_output ? "1" : "0").add("stderr", options.standard_error ? "1" : "0");
  if (options.follow) parameters.add("follow", "1");
  if (options.timestamps) parameters.add("timestamps", "1");
  if (options.tail) parameters.add("tail", std::to_string(*options.tail));
  parameters.add_filled("since", options.since).add_filled("until", options.until);
  return parameters;
}

// From 1.42 on the answer says so. Before, only the container's own Tty does: the first bytes prove nothing.
std::optional<bool> says_multiplexed(const reply_head& head, api_version version) {
  if (version < api_version{1, 42}) return std::nullopt;
  if (head.media_type() == "application/vnd.docker.multiplexed-stream") return true;
  if (head.media_type() == "application/vnd.docker.raw-stream") return false;
  return std::nullopt;
}

}  // namespace

task<create_result> containers::create(std::string name, json body, std::string platform) const {
  query parameters;
  parameters.add("name", checked_name(name)).add_filled("platform", platform);
  engine_call request = slow_call("POST", "/containers/create" + parameters.text(), link_->options());
  request.set_body(body);
  const answer reply = co_await link_->call(std::move(request));
  throw_unless(reply, {201});
  const json created = body_of(reply);
  co_return create_result{created_id(reply, created), warnings_of(created)};
}

task<start_result> containers::start(std::string id) const {
  const answer reply = co_await link_->call(slow_call("POST", container_path(id, "/start"), link_->options()));
  if (reply.status() == 304) co_return start_result::already_running;
  throw_unless(reply, {204});
  co_return start_result::started;
}

task<stop_result> containers::stop(std::string id, std::optional<seconds> grace_period, std::string signal) const {
  query parameters;
  if (grace_period) parameters.add("t", std::to_string(grace_period->count()));
  parameters.add_filled("signal", signal);
  engine_call request("POST", container_path(id, "/stop") + parameters.text());
  if (!grace_period) {
    const std::optional<json> found = co_await inspect(id);
    constexpr std::int64_t engine_default = 10;
    grace_period = seconds(found ? found->int64_at({"Config", "StopTimeout"}, engine_default) : engine_default);
  }
  // The answer comes when the container has ended; -1 waits for ever.
  const milliseconds slack = link_->options().first_byte;
  const bool for_ever = grace_period->count() < 0 || slack == milliseconds::zero();
  request.first_byte = for_ever ? milliseconds::zero() : *grace_period + slack;
  const answer reply = co_await link_->call(std::move(request));
  if (reply.status() == 304) co_return stop_result::already_stopped;
  throw_unless(reply, {204});
  co_return stop_result::stopped;
}

task<> containers::kill(std::string id, std::string signal) const {
  query parameters;
  parameters.add_filled("signal", signal);
  const answer reply = co_await link_->call(engine_call("POST", container_path(id, "/kill") + parameters.text()));
  throw_unless(reply, {204});
}

task<> containers::pause(std::string id) const {
  const answer reply = co_await link_->call(engine_call("POST", container_path(id, "/pause")));
  throw_unless(reply, {204});
}

task<> containers::unpause(std::string id) const {
  const answer reply = co_await link_->call(engine_call("POST", container_path(id, "/unpause")));
  throw_unless(reply, {204});
}

task<> containers::rename(std::string id, std::string name) const {
  query parameters;
  parameters.add("name", checked_name(name));
  const answer reply = co_await link_->call(engine_call("POST", container_path(id, "/rename") + parameters.text()));
  throw_unless(reply, {204});
}

task<remove_result> containers::remove(std::string id, remove_volumes volumes, force kill_first) const {
  query parameters;
  if (volumes == remove_volumes::yes) parameters.add("v", "1");
  if (kill_first == force::yes) parameters.add("force", "1");
  const answer reply =
      co_await link_->call(slow_call("DELETE", container_path(id) + parameters.text(), link_->options()));
  if (reply.status() == 404) co_return remove_result::absent;
  if (reply.status() == 409 && reply.body.find("already in progress") != std::string::npos)
    co_return remove_result::in_progress;
  throw_unless(reply, {204});
  co_return remove_result::removed;
}

task<std::optional<json>> containers::inspect(std::string id_or_name) const {
  const answer reply = co_await link_->call(engine_call("GET", container_path(id_or_name, "/json")));
  if (reply.status() == 404) co_return std::nullopt;
  throw_unless(reply, {200});
  co_return body_of(reply);
}

task<json> containers::list(json filters, list_scope scope) const {
  query parameters;
  if (scope == list_scope::all) parameters.add("all", "1");
  parameters.add_json("filters", filters);
  const answer reply = co_await link_->call(engine_call("GET", "/containers/json" + parameters.text()));
  throw_unless(reply, {200});
  co_return body_of(reply);
}

task<pending_wait> containers::wait(std::string id, wait_condition condition) const {
  query parameters;
  parameters.add("condition", name_of(condition));
  engine_call request("POST", container_path(id, "/wait") + parameters.text());
  request.idle = milliseconds::zero();
  co_return pending_wait(co_await link_->open(std::move(request)));
}

pending_wait::pending_wait(reply_stream reply) : reply_(std::move(reply)) {}

task<exit_status> pending_wait::get() {
  json_splitter values;
  std::array<std::byte, 4096> buffer;
  try {
    for (;;) {
      if (const auto ended = values.next())
        co_return exit_status{ended->int64_at({"StatusCode"}, -1),
                              printable(ended->string_at({"Error", "Message"}), 4096)};
      const std::size_t count = co_await reply_.read_some(buffer);
      if (count == 0) throw error(error_kind::truncated, "the answer ended without an exit code");
      values.feed({reinterpret_cast<const char*>(buffer.data()), count});
    }
  } catch (const error& failure) {
    throw failure.of(reply_.line(), acted::answered);
  } catch (const json_error& failure) {
    throw error(error_kind::protocol, failure.what(), reply_.line(), acted::answered);
  }
}

task<log_stream> containers::logs(std::string id, log_options options) const {
  engine_call request("GET", container_path(id, "/logs") + to_query(options).text());
  if (options.follow) request.idle = milliseconds::zero();
  const api_version version = co_await link_->negotiate();
  std::optional<bool> multiplexed;
  if (version < api_version{1, 42}) multiplexed = !co_await has_terminal(id);
  reply_stream reply = co_await link_->open(std::move(request));
  if (!multiplexed) multiplexed = says_multiplexed(reply.head(), version);
  if (!multiplexed) multiplexed = !co_await has_terminal(id);
  co_return log_stream(std::move(reply), *multiplexed);
}

task<bool> containers::has_terminal(std::string id) const {
  const std::optional<json> found = co_await inspect(id);
  co_return found && found->bool_at({"Config", "Tty"});
}

log_stream::log_stream(reply_stream reply, bool multiplexed) : reply_(std::move(reply)), multiplexed_(multiplexed) {}

task<std::optional<log_chunk>> log_stream::next() {
  std::vector<std::byte> buffer(32 * 1024);
  try {
    for (;;) {
      if (auto chunk = frames_.next()) {
        if (chunk->source == log_source::system)
          throw error::in_stream(reply_.line(), reply_.head().status, printable(chunk->bytes, 4096));
        co_return chunk;
      }
      const std::size_t count = co_await reply_.read_some(buffer);
      const std::string_view bytes(reinterpret_cast<const char*>(buffer.data()), count);
      if (count == 0) {
        frames_.end_of_input();
        co_return std::nullopt;
      }
      if (!multiplexed_) co_return log_chunk{log_source::out, std::string(bytes)};
      frames_.feed(bytes);
    }
  } catch (const error& failure) {
    throw failure.of(reply_.line(), acted::answered);
  }
}

task<std::string> containers::last_lines(std::string id, std::int64_t lines, std::size_t most_bytes) const {
  log_options options;
  options.tail = lines;
  log_stream output = co_await logs(id, options);
  std::string out;
  while (const auto chunk = co_await output.next()) {
    out += chunk->bytes;
    // Not at every chunk: a long log would be copied again for each of them.
    if (out.size() > 2 * most_bytes) out.erase(0, out.size() - most_bytes);
  }
  if (out.size() > most_bytes) out.erase(0, out.size() - most_bytes);
  co_return out;
}

task<> containers::update_restart_policy(std::string id, json policy) const {
  json body = json::make_object();
  body["RestartPolicy"] = std::move(policy);
  engine_call request("POST", container_path(id, "/update"));
  request.set_body(body);
  const answer reply = co_await link_->call(std::move(request));
  throw_unless(reply, {200});
}

task<reply_stream> containers::archive_get(std::string id, std::string path) const {
  query parameters;
  parameters.add("path", path);
  return link_->open(engine_call("GET", container_path(id, "/archive") + parameters.text()));
}

task<> containers::archive_put(std::string id, std::string path, std::string tar, give_to_user owner) const {
  query parameters;
  parameters.add("path", path).add("noOverwriteDirNonDir", "true");
  if (owner == give_to_user::yes) parameters.add("copyUIDGID", "true");
  engine_call request("PUT", container_path(id, "/archive") + parameters.text());
  request.fields.emplace_back("Content-Type", "application/x-tar");
  request.body = std::move(tar);
  const answer reply = co_await link_->call(std::move(request));
  throw_unless(reply, {200});
}

}  // namespace docker
