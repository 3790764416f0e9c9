// dockupd config: what the compose files mean, without an engine.
#include <set>

#include "docker_client/client.hpp"
#include "orchestration/project/create_sequence.hpp"
#include "orchestration/project/resolved.hpp"
#include "tools/dockupd/logging.hpp"
#include "tools/dockupd/printable.hpp"
#include "tools/dockupd/render.hpp"
#include "tools/dockupd/verbs.hpp"

namespace dockupd {
namespace {

using orchestration::project;

std::string lines_of(const std::set<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += one_line(text) + "\n";
  return out;
}

template <class Thing, class Text>
std::string lines_of(const std::map<std::string, Thing>& things, const Text& text_of) {
  std::set<std::string> texts;
  for (const auto& [key, thing] : things) texts.insert(text_of(key, thing));
  return lines_of(texts);
}

std::string key_of(const std::string& key, const auto&) { return key; }

// Without the container's id the hash is another than the one that `up` writes.
void tell_unresolved(const orchestration::service& s, const command& asked) {
  for (const std::string& joined : orchestration::services_in_hash(s))
    if (!asked.containers.contains(joined))
      say_warning("service " + s.name + ": its hash as a label contains the container id of " + joined +
                  ", which only an engine knows; this one has the name in its place. Give it with --resolve " + joined +
                  "=ID");
}

std::string hashes(const project& p, const command& asked) {
  const std::set<std::string> wanted(asked.services.begin(), asked.services.end());
  std::string out;
  for (const auto& [name, s] : p.services) {
    if (!wanted.empty() && !wanted.contains(name)) continue;
    tell_unresolved(s, asked);
    out += name + " " + orchestration::service_hash(s, asked.dialect, asked.containers) + "\n";
  }
  return out;
}

orchestration::api_version api_of(const command& asked) {
  docker::api_version api = docker::newest_api;
  try {
    if (!asked.api.empty()) api = docker::parse_api_version(asked.api);
  } catch (const std::invalid_argument& error) {
    throw fatal(exit_code::usage, std::string("--api: ") + error.what());
  }
  if (api < docker::oldest_api || docker::newest_api < api)
    throw fatal(exit_code::usage, "--api: dockupd speaks " + to_text(docker::oldest_api) + " to " +
                                      to_text(docker::newest_api) + ", not " + asked.api);
  return {api.major, api.minor};
}

std::string creates(const project& p, const command& asked) {
  try {
    const orchestration::create_sequence all =
        orchestration::create_requests(p, api_of(asked), asked.dialect, asked.containers);
    for (const std::string& warning : all.warnings) say_warning(warning);
    std::string out;
    for (const docker::json& request : all.requests) out += visible_json(request.to_text()) + "\n";
    return out;
  } catch (const orchestration::create_body_error& error) {
    throw fatal(exit_code::usage, error.what());
  }
}

std::string shown(const project& p, const command& asked) {
  switch (asked.view) {
    case config_view::document:
      return visible_json(orchestration::resolved_text(orchestration::resolved_document(p))) + "\n";
    case config_view::hashes:
      return hashes(p, asked);
    case config_view::creates:
      return creates(p, asked);
    case config_view::services:
      return lines_of(p.services, key_of<orchestration::service>);
    case config_view::images:
      return lines_of(p.services, [](const std::string&, const auto& s) { return s.image; });
    case config_view::networks:
      return lines_of(p.networks, key_of<orchestration::network>);
    case config_view::volumes:
      return lines_of(p.volumes, key_of<orchestration::volume>);
    case config_view::nothing:
      break;
  }
  return {};
}

}  // namespace

exit_code run_config(session& s) {
  const command& asked = s.asked();
  const std::set<std::string> services(asked.services.begin(), asked.services.end());
  print_with_secrets(services.empty() ? shown(s.project(), asked)
                                      : shown(orchestration::only(s.project(), services), asked));
  return exit_code::ok;
}

}  // namespace dockupd
