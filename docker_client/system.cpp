#include "docker_client/system.hpp"

#include "docker_client/engine_link.hpp"

namespace docker {

task<ping_result> system::ping() const { return link_->ping(); }

task<json> system::version() const {
  const answer reply = co_await link_->call(unversioned("GET", "/version"));
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
