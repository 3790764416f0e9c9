#include "orchestration/project/placed_file.hpp"

#include <charconv>

#include "orchestration/project/canonical_read.hpp"
#include "orchestration/project/create_body.hpp"
#include "orchestration/project/host_config.hpp"

namespace orchestration {
namespace {

using docker::json;

bool is_utf8(const std::string& text) {
  try {
    json::parse(json(text).to_text());
    return true;
  } catch (const docker::json_error&) {
    return false;
  }
}

int id_of(const service& s, std::string_view attribute, const json& reference, std::string_view member) {
  const std::string text = reference.string_at({member});
  if (text.empty()) return 0;
  int id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size())
    refuse(s, attribute, std::string(member) + " \"" + text + "\" is no number");
  return id;
}

int mode_of(const json& reference) {
  const json* mode = reference.find("mode");
  constexpr int read_by_all = 0444;
  if (mode == nullptr || mode->is_null()) return read_by_all;
  constexpr int octal = 8;
  return mode->is_string() ? std::stoi(mode->as_string(), nullptr, octal) : static_cast<int>(mode->as_int64());
}

struct kind_of_file {
  std::string_view attribute;  // "secrets", "configs"
  std::string_view directory;
  const std::map<std::string, file_object>& objects;
};

void add_files(const service& s, const kind_of_file& kind, std::vector<placed_file>& out) {
  for (const json& reference : elements_of(s.document, kind.attribute)) {
    const std::string key = reference.string_at({"source"});
    const auto known = kind.objects.find(key);
    if (known == kind.objects.end() || !known->second.is_written()) continue;
    const file_object& object = known->second;
    if (!object.content)
      refuse(s, kind.attribute,
             "\"" + key + "\" needs the environment variable " + object.document.string_at({"environment"}) +
                 ", which is not set");
    if (object.content->empty()) continue;
    if (s.document.bool_at({"read_only"}))
      refuse(s, kind.attribute,
             "\"" + key + "\" cannot be written into a container that is read_only; only a file can be mounted there");
    if (!is_utf8(*object.content)) refuse(s, kind.attribute, "\"" + key + "\" is not UTF-8 text; give it a file");
    placed_file file;
    file.path = target_of_file(reference, kind.directory);
    file.content = *object.content;
    file.mode = mode_of(reference);
    file.user = id_of(s, kind.attribute, reference, "uid");
    file.group = id_of(s, kind.attribute, reference, "gid");
    file.to_container_user = !reference.string_at({"uid"}).empty() || !reference.string_at({"gid"}).empty();
    out.push_back(std::move(file));
  }
}

}  // namespace

std::string target_of_file(const json& reference, std::string_view directory) {
  const std::string target = reference.string_at({"target"});
  if (target.starts_with('/')) return target;
  return std::string(directory) + (target.empty() ? reference.string_at({"source"}) : target);
}

std::vector<placed_file> placed_files_of(const project& p, const service& s) {
  std::vector<placed_file> out;
  add_files(s, {"secrets", "/run/secrets/", p.secrets}, out);
  add_files(s, {"configs", "/", p.configs}, out);
  return out;
}

json to_json(const std::vector<placed_file>& files) {
  json out;
  for (const placed_file& each : files)
    out.push_back(json::object({{"path", each.path},
                                {"secret", each.content},
                                {"mode", each.mode},
                                {"user", each.user},
                                {"group", each.group},
                                {"to_container_user", each.to_container_user}}));
  return out;
}

std::vector<placed_file> placed_files_from_json(const json& document) {
  std::vector<placed_file> out;
  if (document.is_null()) return out;
  for (const json& each : document.elements()) {
    placed_file file;
    file.path = each.at("path").as_string();
    file.content = each.at("secret").as_string();
    file.mode = static_cast<int>(each.at("mode").as_int64());
    file.user = static_cast<int>(each.at("user").as_int64());
    file.group = static_cast<int>(each.at("group").as_int64());
    file.to_container_user = each.at("to_container_user").as_bool();
    out.push_back(std::move(file));
  }
  return out;
}

}  // namespace orchestration
