#include "orchestration/project/resolved.hpp"

#include "orchestration/project/canonical.hpp"
#include "orchestration/project/config_hash.hpp"

namespace orchestration {
namespace {

using docker::json;

template <class Thing>
void put_documents(json& out, std::string_view section, const std::map<std::string, Thing>& things) {
  for (const auto& [key, thing] : things) out[section][key] = thing.document;
}

json service_document(const service& s) {
  json out = s.document;
  write_binds(out, hash_dialect::compose_2_30);
  out.erase("label_file");  // its labels are among the others
  return out;
}

void add_with_dependencies(const project& p, const std::string& name, std::set<std::string>& out) {
  const auto found = p.services.find(name);
  if (found == p.services.end() || !out.insert(name).second) return;
  for (const dependency& each : found->second.depends_on) add_with_dependencies(p, each.service, out);
}

template <class Thing>
void keep_only(std::map<std::string, Thing>& things, const std::set<std::string>& kept) {
  std::erase_if(things, [&](const auto& each) { return !kept.contains(each.first); });
}

}  // namespace

json resolved_document(const project& p) {
  json out = json::object({{"name", p.name}, {"services", json::make_object()}});
  for (const auto& [name, s] : p.services) out["services"][name] = service_document(s);
  put_documents(out, "networks", p.networks);
  put_documents(out, "volumes", p.volumes);
  put_documents(out, "secrets", p.secrets);
  put_documents(out, "configs", p.configs);
  for (const auto& [name, value] : p.extensions.object_members()) out[name] = value;
  sort_members(out);
  return out;
}

std::string resolved_text(const json& document) {
  std::string out;
  for (const char c : go_json_text(document, json_layout::indented)) out.append(c == '$' ? 2 : 1, c);
  return out;
}

project only(project p, const std::set<std::string>& services) {
  if (services.empty()) return p;
  std::set<std::string> kept;
  for (const std::string& name : services) add_with_dependencies(p, name, kept);
  keep_only(p.services, kept);
  const used_resources used = resources_of(p.services);
  keep_only(p.networks, used.networks);
  keep_only(p.volumes, used.volumes);
  keep_only(p.secrets, used.secrets);
  keep_only(p.configs, used.configs);
  return p;
}

}  // namespace orchestration
