#include "docker_client/volumes.hpp"

#include "docker_client/engine_link.hpp"

namespace docker {

task<json> volumes::create(json body) const {
  engine_call request("POST", "/volumes/create");
  request.set_body(body);
  const answer reply = co_await link_->call(std::move(request));
  throw_unless(reply, {201, 200});  // 200: some drivers' and Podman's answer for one that exists
  co_return body_of(reply);
}

task<std::optional<json>> volumes::inspect(std::string name) const {
  const answer reply = co_await link_->call(engine_call("GET", "/volumes/" + path_part(name)));
  if (reply.status() == 404) co_return std::nullopt;
  throw_unless(reply, {200});
  co_return body_of(reply);
}

task<json> volumes::list(json filters) const {
  query parameters;
  parameters.add_json("filters", filters);
  const answer reply = co_await link_->call(engine_call("GET", "/volumes" + parameters.text()));
  throw_unless(reply, {200});
  co_return body_of(reply);
}

task<remove_result> volumes::remove(std::string name, force ignore_driver) const {
  query parameters;
  if (ignore_driver == force::yes) parameters.add("force", "1");
  engine_call request("DELETE", "/volumes/" + path_part(name) + parameters.text());
  request.first_byte = link_->options().slow_first_byte;
  const answer reply = co_await link_->call(std::move(request));
  if (reply.status() == 404) co_return remove_result::absent;
  throw_unless(reply, {204});
  co_return remove_result::removed;
}

}  // namespace docker
