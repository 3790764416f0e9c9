// Volumes, bind mounts, secrets and configs of a service.
//
// Bind and Mount are two ways to ask for nearly the same. Bind is used wherever it can say what is wanted, because it
// makes a missing host directory and Mount refuses (moby#43483); Mount carries the options that Bind has no words for.
#include <set>

#include "orchestration/project/canonical_read.hpp"
#include "orchestration/project/create_body.hpp"
#include "orchestration/project/host_config.hpp"
#include "orchestration/project/placed_file.hpp"

namespace orchestration {
namespace {

using docker::json;

bool bind_needs_mount(const json& volume) {
  const json* options = volume.find("bind");
  if (options == nullptr || options->is_null()) return false;
  return !options->bool_at({"create_host_path"}) || !options->string_at({"propagation"}).empty() ||
         !options->string_at({"recursive"}).empty();
}

bool volume_needs_mount(const json& volume) {
  const json* options = volume.find("volume");
  if (volume.string_at({"source"}).empty()) return true;  // anonymous
  if (options == nullptr || options->is_null()) return false;
  return options->bool_at({"nocopy"}) || !options->string_at({"subpath"}).empty() ||
         !members_of(*options, "labels").empty();
}

json bind_options(const json& options) {
  json out = json::make_object();
  put(out, "Propagation", options.string_at({"propagation"}));
  put(out, "CreateMountpoint", options.bool_at({"create_host_path"}));
  const std::string recursive = options.string_at({"recursive"});
  put(out, "NonRecursive", recursive == "disabled");
  put(out, "ReadOnlyNonRecursive", recursive == "writable");
  put(out, "ReadOnlyForceRecursive", recursive == "readonly");
  return out;
}

json volume_options(const json& options) {
  json out = json::make_object();
  put(out, "NoCopy", options.bool_at({"nocopy"}));
  put(out, "Subpath", options.string_at({"subpath"}));
  if (const json* labels = options.find("labels")) put(out, "Labels", *labels);
  return out;
}

json tmpfs_options(const json& options) {
  json out = json::make_object();
  put(out, "SizeBytes", amount(options, "size"));
  put(out, "Mode", amount(options, "mode"));
  return out;
}

json image_options(const json& options) {
  json out = json::make_object();
  put(out, "Subpath", options.string_at({"subpath"}));
  return out;
}

json mount_of(const json& volume, const std::string& source) {
  json out = json::make_object();
  const std::string type = volume.string_at({"type"});
  put(out, "Type", type);
  put(out, "Source", source);
  put(out, "Target", volume.string_at({"target"}));
  put(out, "ReadOnly", volume.bool_at({"read_only"}));
  put(out, "Consistency", volume.string_at({"consistency"}));
  const json* options = volume.find(type);
  if (options == nullptr || options->is_null()) return out;
  if (type == "bind") put(out, "BindOptions", bind_options(*options));
  if (type == "volume") put(out, "VolumeOptions", volume_options(*options));
  if (type == "tmpfs") put(out, "TmpfsOptions", tmpfs_options(*options));
  if (type == "image") put(out, "ImageOptions", image_options(*options));
  return out;
}

std::string bind_text(const json& volume, const std::string& source) {
  std::string out = source + ":" + volume.string_at({"target"});
  out += volume.bool_at({"read_only"}) ? ":ro" : ":rw";
  for (const char* option : {"selinux", "propagation"})
    if (const std::string value = volume.string_at({"bind", option}); !value.empty()) out += "," + value;
  if (const json* options = volume.find("volume"); options != nullptr && options->bool_at({"nocopy"})) out += ",nocopy";
  return out;
}

std::string real_source(const project& p, const json& volume) {
  std::string source = volume.string_at({"source"});
  if (volume.string_at({"type"}) != "volume") return source;
  const auto known = p.volumes.find(source);
  return known == p.volumes.end() ? source : known->second.name;
}

// A file of the host, mounted read-only under `directory`.
struct mounted_files {
  std::string_view attribute;  // "secrets", "configs"
  std::string_view directory;
  const std::map<std::string, file_object>& objects;
};

json file_mounts(const service& s, const mounted_files& files) {
  json out = json::make_array();
  for (const json& reference : elements_of(s.document, files.attribute)) {
    const std::string key = reference.string_at({"source"});
    const auto known = files.objects.find(key);
    if (known == files.objects.end())
      refuse(s, files.attribute,
             "\"" + key + "\" is not defined; add it under the top-level " + std::string(files.attribute));
    if (known->second.external)
      refuse(s, files.attribute, "\"" + key + "\" is external, which only Swarm has; give it a file");
    if (known->second.is_written()) continue;
    const std::string file = known->second.document.string_at({"file"});
    if (file.empty())
      refuse(s, files.attribute, "\"" + key + "\" comes from a driver, which only Swarm has; give it a file");
    out.push_back(json::object({{"Type", "bind"},
                                {"Source", file},
                                {"Target", target_of_file(reference, files.directory)},
                                {"ReadOnly", true}}));
  }
  return out;
}

void put_tmpfs(json& host, const json& document) {
  json out = json::make_object();
  for (const json& each : elements_of(document, "tmpfs")) {
    const auto [path, options] = split_once(each.as_string(), ':');
    out[path] = options;
  }
  put(host, "Tmpfs", std::move(out));
}

}  // namespace

void put_mounts(json& host, const project& p, const service& s, bool engine_has_image_mounts) {
  json binds = json::make_array();
  json mounts = json::make_array();
  std::set<std::string> taken;
  for (const json& volume : elements_of(s.document, "volumes")) {
    const std::string type = volume.string_at({"type"});
    if (type == "image" && !engine_has_image_mounts)
      refuse(s, "volumes", "a volume of type image needs Docker Engine 28 (API 1.48) or later");
    const bool as_bind =
        (type == "bind" && !bind_needs_mount(volume)) || (type == "volume" && !volume_needs_mount(volume));
    if (as_bind)
      binds.push_back(bind_text(volume, real_source(p, volume)));
    else
      mounts.push_back(mount_of(volume, real_source(p, volume)));
    taken.insert(volume.string_at({"target"}));
  }
  for (const mounted_files& files :
       {mounted_files{"secrets", "/run/secrets/", p.secrets}, mounted_files{"configs", "/", p.configs}}) {
    json wanted = file_mounts(s, files);
    for (json& mount : wanted.elements())
      if (taken.insert(mount.string_at({"Target"})).second) mounts.push_back(std::move(mount));
  }
  put(host, "Binds", std::move(binds));
  put(host, "Mounts", std::move(mounts));
  put_tmpfs(host, s.document);
}

}  // namespace orchestration
