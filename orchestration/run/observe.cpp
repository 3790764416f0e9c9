#include "orchestration/run/observe.hpp"

#include <algorithm>
#include <tuple>

namespace orchestration {

observe_request request_for(const project& p) {
  observe_request out(p.name);
  for (const auto& [key, v] : p.volumes) out.volumes.insert(v.name);
  for (const auto& [key, n] : p.networks) out.networks.insert(n.name);
  for (const auto& [name, s] : p.services) out.images.insert(s.image);
  return out;
}

observe_request request_for(const release& r) {
  observe_request out(r.project);
  for (const auto& v : r.volumes) out.volumes.insert(v.name);
  for (const auto& n : r.networks) out.networks.insert(n.name);
  for (const auto& c : r.containers) out.images.insert(c.image_reference);
  return out;
}

docker::task<observed_state> observe(engine& engine, observe_request request) {
  observed_state state;
  const engine_facts facts = co_await engine.facts();
  state.engine_id = facts.id;
  state.api_major = facts.api_major;
  state.api_minor = facts.api_minor;
  state.platform = facts.platform;

  std::vector<std::string> labels;
  labels.push_back("com.docker.compose.project=" + request.project);
  const std::vector<docker::json> listed = co_await engine.list_containers(std::move(labels));
  for (const docker::json& entry : listed) {
    if (entry.string_at({"Labels", "com.docker.compose.oneoff"}) == "True") continue;
    const std::optional<docker::json> inspect = co_await engine.inspect_container(entry.at("Id").as_string());
    if (inspect) state.containers.push_back(container_from_inspect(*inspect));
  }
  std::sort(state.containers.begin(), state.containers.end(), [](const auto& a, const auto& b) {
    return std::tie(a.service, a.number, a.name) < std::tie(b.service, b.number, b.name);
  });
  for (const observed_container& c : state.containers) {
    request.images.insert(c.image_reference);
    request.networks.insert(c.networks.begin(), c.networks.end());
    for (const observed_mount& m : c.mounts)
      if (m.type == "volume") request.volumes.insert(m.name);
  }

  for (const std::string& name : request.volumes) {
    const std::optional<docker::json> inspect = co_await engine.inspect_volume(name);
    if (inspect) state.volumes.emplace(name, volume_from_inspect(*inspect));
  }
  for (const std::string& name : request.networks) {
    const std::optional<docker::json> inspect = co_await engine.inspect_network(name);
    if (inspect) state.networks.emplace(name, network_from_inspect(*inspect));
  }
  state = co_await with_images(engine, std::move(state), std::move(request.images));
  // Of a tag that was moved meanwhile, the image that still runs.
  for (const observed_container& c : state.containers) {
    if (state.image_configs.contains(c.image_id)) continue;
    const std::optional<docker::json> inspect = co_await engine.inspect_image(c.image_id);
    if (inspect) state.image_configs.emplace(c.image_id, image_from_inspect(*inspect).config);
  }
  co_return state;
}

docker::task<observed_state> with_images(engine& engine, observed_state state, std::set<std::string> images) {
  for (const std::string& reference : images) {
    if (state.images.contains(reference)) continue;
    const std::optional<docker::json> inspect = co_await engine.inspect_image(reference);
    if (!inspect) continue;
    observed_image image = image_from_inspect(*inspect);
    state.image_configs.emplace(image.id, image.config);
    state.images.emplace(reference, std::move(image));
  }
  co_return state;
}

}  // namespace orchestration
