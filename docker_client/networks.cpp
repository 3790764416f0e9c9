#include "docker_client/networks.hpp"

#include "docker_client/engine_link.hpp"

namespace docker {
namespace {

std::string network_path(std::string_view name, std::string_view action = {}) {
  return "/networks/" + path_part(name) + std::string(action);
}

engine_call with_body(std::string path, const json& body) {
  engine_call request("POST", std::move(path));
  request.set_body(body);
  return request;
}

}  // namespace

task<create_result> networks::create(json body) const {
  const answer reply = co_await link_->call(with_body("/networks/create", body));
  throw_unless(reply, {201});
  const json created = body_of(reply);
  std::vector<std::string> warnings;
  // One text here, where containers have a list.
  const json* warning = created.find("Warning");
  if (warning != nullptr && warning->is_string() && !warning->empty()) warnings.push_back(warning->as_string());
  co_return create_result{created_id(reply, created), std::move(warnings)};
}

task<std::optional<json>> networks::inspect(std::string id_or_name) const {
  const answer reply = co_await link_->call(engine_call("GET", network_path(id_or_name)));
  if (reply.status() == 404) co_return std::nullopt;
  throw_unless(reply, {200});
  co_return body_of(reply);
}

task<json> networks::list(json filters) const {
  query parameters;
  parameters.add_json("filters", filters);
  const answer reply = co_await link_->call(engine_call("GET", "/networks" + parameters.text()));
  throw_unless(reply, {200});
  co_return body_of(reply);
}

task<remove_result> networks::remove(std::string id_or_name) const {
  const answer reply = co_await link_->call(engine_call("DELETE", network_path(id_or_name)));
  if (reply.status() == 404) co_return remove_result::absent;
  throw_unless(reply, {204});
  co_return remove_result::removed;
}

task<> networks::connect(std::string network, json body) const {
  const answer reply = co_await link_->call(with_body(network_path(network, "/connect"), body));
  throw_unless(reply, {200});
}

task<> networks::disconnect(std::string network, json body) const {
  const answer reply = co_await link_->call(with_body(network_path(network, "/disconnect"), body));
  throw_unless(reply, {200});
}

}  // namespace docker
