#include "docker_client/system.hpp"

#include <algorithm>

#include "docker_client/engine_link.hpp"

namespace docker {
namespace {

engine_call bare(std::string method, std::string path) {
  engine_call request(std::move(method), std::move(path));
  request.prefix = api_prefix::bare;
  return request;
}

}  // namespace

task<ping_result> engine_link::ping() {
  answer reply = co_await call(bare("HEAD", "/_ping"));
  // A refused HEAD has no body to say why, and some proxies let only GET through.
  if (reply.status() != 200) reply = co_await call(bare("GET", "/_ping"));
  throw_unless(reply, {200});
  co_return ping_result{reply.head.field("Api-Version"), reply.head.field("Ostype"),
                        reply.head.find("Libpod-Api-Version") != nullptr};
}

// Two tasks may ask at the same time; the answer is the same.
task<api_version> engine_link::negotiate() {
  if (version_) co_return *version_;
  const ping_result engine = co_await ping();
  const request_line line("GET", "/_ping");
  api_version theirs;
  try {
    theirs = parse_api_version(engine.api_version);
  } catch (const std::invalid_argument&) {
    throw error(error_kind::protocol, "the answer names no API version: it does not come from a Docker engine", line,
                acted::answered);
  }
  if (theirs < oldest_api)
    throw error(error_kind::protocol,
                "the engine speaks API " + engine.api_version + ", and " + to_text(oldest_api) +
                    " is the oldest that is supported: it has to be Docker 19.03 or newer",
                line, acted::answered);
  version_ = std::min(theirs, newest_api);
  co_return *version_;
}

task<ping_result> system::ping() const { return link_->ping(); }

task<json> system::version() const {
  const answer reply = co_await link_->call(bare("GET", "/version"));
  throw_unless(reply, {200});
  co_return body_of(reply);
}

task<json> system::info() const {
  const answer reply = co_await link_->call(engine_call("GET", "/info"));
  throw_unless(reply, {200});
  co_return body_of(reply);
}

task<json> system::disk_usage() const {
  engine_call request("GET", "/system/df");
  request.first_byte = link_->options().slow_first_byte;  // it walks every volume
  const answer reply = co_await link_->call(std::move(request));
  throw_unless(reply, {200});
  co_return body_of(reply);
}

task<event_stream> system::events(event_options options) const {
  query parameters;
  parameters.add_filled("since", options.since).add_filled("until", options.until).add_json("filters", options.filters);
  engine_call request("GET", "/events" + parameters.text());
  request.idle = std::chrono::milliseconds::zero();
  // Podman sends no head before the first event (podman#23712).
  if (link_->is_podman()) request.first_byte = std::chrono::milliseconds::zero();
  co_return event_stream(co_await link_->open(std::move(request)));
}

task<std::optional<json>> event_stream::next() {
  std::vector<std::byte> buffer(16 * 1024);
  try {
    for (;;) {
      if (auto value = values_.next()) co_return value;
      const std::size_t count = co_await reply_.read_some(buffer);
      if (count == 0) {
        values_.end_of_input();
        co_return std::nullopt;
      }
      values_.feed({reinterpret_cast<const char*>(buffer.data()), count});
    }
  } catch (const error& failure) {
    throw failure.of(reply_.line(), acted::answered);
  }
}

}  // namespace docker
