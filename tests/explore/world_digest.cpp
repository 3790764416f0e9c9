// What of an engine's state matters to whoever acts on it next. Left out: times (but for the order in which containers
// were made, in which the engine lists them), how often somebody looked, logs, ids of what is gone.
#include <algorithm>

#include "tests/explore/stage.hpp"

namespace orchestration::explore {
namespace {

constexpr int looks_that_matter = 4;  // health and ends come after one or two

digest of_container(const fake_container& c) {
  digest out;
  out.add(c.name).add(c.id).add(c.image_id).add(c.config.to_text()).add(c.host_config.to_text());
  for (const auto& [name, endpoint] : c.endpoints)
    out.add(name).add(endpoint.network_id).add(endpoint.settings.to_text());
  for (const auto& [path, file] : c.files) out.add(path).add(file.content);
  out.add(static_cast<std::uint64_t>(c.state)).add(static_cast<std::uint64_t>(c.exit_code)).add(c.error);
  out.add(static_cast<std::uint64_t>(std::min(c.seen, looks_that_matter)));
  out.add(static_cast<std::uint64_t>(c.restart_count != 0)).add(static_cast<std::uint64_t>(c.started_at.has_value()));
  return out;
}

/// A guard is known by its name; every run makes another.
digest of_guard(const fake_container& c) {
  digest out;
  return out.add(c.name)
      .add(c.config.string_at({"Labels", "io.dockupd.store"}))
      .add(c.image_id)
      .add(c.config.string_at({"Labels", "io.dockupd.op"}));
}

}  // namespace

digest digest_of(const fake_world& world) {
  digest out;
  std::vector<const fake_container*> by_age;
  for (const auto& [id, c] : world.containers) by_age.push_back(&c);
  std::sort(by_age.begin(), by_age.end(), [](auto* a, auto* b) { return a->created_at < b->created_at; });
  for (const fake_container* c : by_age)
    out.add(c->name.starts_with("dockupd-guard.") ? of_guard(*c) : of_container(*c))
        .add(static_cast<std::uint64_t>(world.came_back &&
                                        c->finished_at == world.came_back));  // it went down with the daemon
  for (const auto& [name, n] : world.networks) out.add(name).add(n.id);
  for (const auto& [name, v] : world.volumes) out.add(name);
  for (const auto& [id, image] : world.images.local()) {
    out.add(id);
    for (const std::string& tag : image.tags) out.add(tag);
    for (const std::string& digest : image.repo_digests) out.add(digest);
  }
  return out;
}

}  // namespace orchestration::explore
