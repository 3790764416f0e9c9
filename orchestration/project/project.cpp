#include "orchestration/project/project.hpp"

namespace orchestration {
namespace {

std::string_view level_text(severity level) {
  switch (level) {
    case severity::note:
      return "note";
    case severity::warning:
      return "warning";
    case severity::error:
      break;
  }
  return "error";
}

}  // namespace

std::string to_text(const place& where) {
  std::string out = where.file;
  if (where.line > 0) out += ":" + std::to_string(where.line);
  if (where.line > 0 && where.column > 0) out += ":" + std::to_string(where.column);
  return out;
}

std::string to_text(const finding& f) {
  std::string out = to_text(f.where);
  if (!out.empty()) out += ": ";
  out += level_text(f.level);
  out += ": ";
  if (!f.path.empty()) out += f.path + ": ";
  out += f.what;
  if (!f.advice.empty()) out += ". " + f.advice;
  return out;
}

used_resources resources_of(const std::map<std::string, service>& services) {
  used_resources out;
  const auto add_sources = [](const docker::json* listed, std::set<std::string>& into) {
    if (listed == nullptr || !listed->is_array()) return;
    for (const docker::json& each : listed->elements()) into.insert(each.string_at({"source"}));
  };
  for (const auto& [name, s] : services) {
    out.networks.insert(s.networks.begin(), s.networks.end());
    for (const service_mount& mount : s.mounts)
      if (mount.kind == mount_kind::volume) out.volumes.insert(mount.source);
    add_sources(s.document.find("secrets"), out.secrets);
    add_sources(s.document.path({"build", "secrets"}), out.secrets);
    add_sources(s.document.find("configs"), out.configs);
  }
  return out;
}

std::string container_name(const project& p, const service& s, int number) {
  if (const auto found = s.found.find(number); found != s.found.end()) return found->second.name;
  if (!s.container_name.empty()) return s.container_name;
  return p.name + "-" + s.name + "-" + std::to_string(number);
}

}  // namespace orchestration
