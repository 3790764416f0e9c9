#include "orchestration/project/create_sequence.hpp"

#include <algorithm>
#include <set>

#include "orchestration/project/canonical_read.hpp"
#include "orchestration/project/dependency_order.hpp"

namespace orchestration {
namespace {

using docker::json;

json request_to(std::string path, json query, json body) {
  return json::object(
      {{"method", "POST"}, {"path", std::move(path)}, {"query", std::move(query)}, {"body", std::move(body)}});
}

std::string joined_text(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

class sequencer {
 public:
  sequencer(const project& p, api_version api, hash_dialect dialect, const std::map<std::string, std::string>& ids)
      : project_(p), dialect_(dialect) {
    context_.api = api;
    context_.containers = ids;
  }
  create_sequence out;

  void add_all() {
    for (const auto& [key, n] : project_.networks)
      if (!n.external)
        out.requests.push_back(request_to("/networks/create", json::make_object(), network_create_body(project_, n)));
    for (const auto& [key, v] : project_.volumes)
      if (!v.external)
        out.requests.push_back(request_to("/volumes/create", json::make_object(), volume_create_body(project_, v)));
    for (const std::vector<std::string>& level : start_order(project_))
      for (const std::string& name : level) add_service(project_.services.at(name));
  }

 private:
  void add_service(const service& s) {
    std::vector<std::string> unknown = services_in_hash(s);
    std::erase_if(unknown, [&](const std::string& name) { return context_.containers.contains(name); });
    context_.config_hash = unknown.empty() ? service_hash(s, dialect_, context_.containers) : "";
    if (!unknown.empty())
      warn("service " + s.name + ": the container id of " + joined_text(unknown) +
           " stands in the body and in the config hash; without it the label com.docker.compose.config-hash is left "
           "out");
    for (int number = 1; number <= s.scale; ++number) add_container(make_create_request(project_, s, number, context_));
  }

  void add_container(create_request made) {
    json query = json::object({{"name", made.name}});
    if (!made.platform.empty()) query["platform"] = made.platform;
    out.requests.push_back(request_to("/containers/create", std::move(query), std::move(made.body)));
    for (auto& [network, endpoint] : made.connect_after)
      out.requests.push_back(
          request_to("/networks/" + network + "/connect", json::make_object(),
                     json::object({{"Container", made.name}, {"EndpointConfig", std::move(endpoint)}})));
    for (std::string& warning : made.warnings) warn(std::move(warning));
  }

  // Once, not for each replica.
  void warn(std::string text) {
    if (std::find(out.warnings.begin(), out.warnings.end(), text) == out.warnings.end())
      out.warnings.push_back(std::move(text));
  }

  const project& project_;
  hash_dialect dialect_;
  create_context context_;
};

}  // namespace

create_sequence create_requests(const project& p, api_version api, hash_dialect dialect,
                                const std::map<std::string, std::string>& containers) {
  sequencer all(p, api, dialect, containers);
  all.add_all();
  return std::move(all.out);
}

std::vector<std::string> services_in_hash(const service& s) {
  static constexpr std::string_view prefix = "service:";
  std::set<std::string> out;
  for (const std::string_view name : {"network_mode", "ipc", "pid"})
    if (const std::string mode = s.document.string_at({name}); mode.starts_with(prefix))
      out.insert(mode.substr(prefix.size()));
  for (const json& each : elements_of(s.document, "volumes_from"))
    if (const std::string source = each.as_string(); !source.starts_with("container:"))
      out.insert(split_once(source, ':').first);
  return {out.begin(), out.end()};
}

}  // namespace orchestration
