#include "docker_client/images.hpp"

#include "docker_client/engine_link.hpp"

namespace docker {
namespace {

void add_auth(engine_call& request, const std::string& registry_auth) {
  if (!registry_auth.empty()) request.fields.emplace_back("X-Registry-Auth", registry_auth);
}

engine_call pull_call(const image_reference& reference, const std::string& platform, const std::string& registry_auth,
                      const client_options& options) {
  const image_reference named = reference.with_default_tag();
  query parameters;
  parameters.add("fromImage", named.canonical_name());
  // Engines take a digest where a tag belongs, and refuse "repo:tag" together with a tag.
  parameters.add("tag", named.is_pinned() ? named.digest() : named.tag()).add_filled("platform", platform);
  engine_call request("POST", "/images/create" + parameters.text());
  add_auth(request, registry_auth);
  request.first_byte = options.slow_first_byte;  // a registry may be asked before the first line
  request.idle = options.slow_first_byte;        // and may stall between two layers
  return request;
}

// `errorDetail` is the engine's, `error` its deprecated copy.
std::optional<std::string> failure_in(const json& line) {
  std::string message = line.string_at({"errorDetail", "message"});
  if (message.empty()) message = line.string_at({"error"});
  if (message.empty() && !line.contains("errorDetail")) return std::nullopt;
  return printable(message, 4096);
}

pull_progress progress_of(const json& line) {
  pull_progress progress;
  progress.id = line.string_at({"id"});
  progress.status = line.string_at({"status"});
  progress.current = line.int64_at({"progressDetail", "current"});
  progress.total = line.int64_at({"progressDetail", "total"});
  return progress;
}

}  // namespace

task<> images::pull(image_reference reference, std::string platform, std::string registry_auth,
                    pull_observer on_progress) const {
  reply_stream reply = co_await link_->open(pull_call(reference, platform, registry_auth, link_->options()));
  json_splitter lines;
  std::vector<std::byte> buffer(16 * 1024);
  bool any_line = false;
  try {
    while (const std::size_t count = co_await reply.read_some(buffer)) {
      lines.feed({reinterpret_cast<const char*>(buffer.data()), count});
      while (const auto line = lines.next()) {
        any_line = true;
        if (const auto failure = failure_in(*line)) throw error::in_stream(reply.line(), reply.head().status, *failure);
        if (on_progress) on_progress(progress_of(*line));
      }
    }
    lines.end_of_input();
    if (!any_line) throw error(error_kind::truncated, "the engine ended the pull without a word");
  } catch (const error& failure) {
    throw failure.of(reply.line(), acted::answered);
  } catch (const json_error& failure) {
    throw error(error_kind::protocol, failure.what(), reply.line(), acted::answered);
  }
}

task<std::optional<json>> images::inspect(std::string reference_or_id) const {
  const answer reply =
      co_await link_->call(engine_call("GET", "/images/" + image_path_part(reference_or_id) + "/json"));
  if (reply.status() == 404) co_return std::nullopt;
  throw_unless(reply, {200});
  co_return body_of(reply);
}

task<> images::tag(std::string source, std::string repository, std::string new_tag) const {
  query parameters;
  parameters.add("repo", repository).add("tag", new_tag);
  engine_call request("POST", "/images/" + image_path_part(source) + "/tag" + parameters.text());
  const answer reply = co_await link_->call(std::move(request));
  throw_unless(reply, {201});
}

task<> images::import(std::string tar, std::string repository, std::string new_tag) const {
  query parameters;
  parameters.add("fromSrc", "-").add("repo", repository).add("tag", new_tag);
  engine_call request("POST", "/images/create" + parameters.text());
  request.fields.emplace_back("Content-Type", "application/x-tar");
  request.body = std::move(tar);
  request.first_byte = link_->options().slow_first_byte;
  const answer reply = co_await link_->call(std::move(request));
  throw_unless(reply, {200});
  json_splitter lines;
  lines.feed(reply.body);
  while (const auto line = lines.next())
    if (const auto failure = failure_in(*line)) throw error::in_stream(reply.line, reply.status(), *failure);
}

task<json> images::list(json filters) const {
  query parameters;
  parameters.add_json("filters", filters);
  const answer reply = co_await link_->call(engine_call("GET", "/images/json" + parameters.text()));
  throw_unless(reply, {200});
  co_return body_of(reply);
}

task<remove_result> images::remove(std::string reference_or_id, force untag_all) const {
  query parameters;
  if (untag_all == force::yes) parameters.add("force", "1");
  engine_call request("DELETE", "/images/" + image_path_part(reference_or_id) + parameters.text());
  request.first_byte = link_->options().slow_first_byte;
  const answer reply = co_await link_->call(std::move(request));
  if (reply.status() == 404) co_return remove_result::absent;
  throw_unless(reply, {200});
  co_return remove_result::removed;
}

task<json> images::distribution(std::string reference, std::string registry_auth) const {
  engine_call request("GET", "/distribution/" + image_path_part(reference) + "/json");
  add_auth(request, registry_auth);
  const answer reply = co_await link_->call(std::move(request));
  throw_unless(reply, {200});
  co_return body_of(reply);
}

}  // namespace docker
