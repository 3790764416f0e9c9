// The projects under data/, and how each was loaded when compose's answers were recorded.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "docker_client/json.hpp"
#include "load_fixture.hpp"
#include "orchestration/project/load.hpp"

namespace orchestration {

inline const std::filesystem::path data = TEST_DATA_DIR;

inline std::vector<std::string> projects_in(const std::filesystem::path& folder) {
  std::vector<std::string> out;
  for (const auto& each : std::filesystem::directory_iterator(folder)) out.push_back(each.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}

inline std::string name_of(const testing::TestParamInfo<std::string>& info) { return info.param; }

inline std::string replace_all(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// All projects stood in /srv when they were recorded.
inline std::string moved(const std::string& text, const std::filesystem::path& folder) {
  return replace_all(text, folder.parent_path().string(), "/srv");
}
inline docker::json moved(const docker::json& document, const std::filesystem::path& folder) {
  return docker::json::parse(moved(document.to_text(), folder));
}

inline std::vector<std::string> texts_at(const docker::json& object, std::string_view name) {
  std::vector<std::string> out;
  if (const docker::json* found = object.find(name))
    for (const docker::json& each : found->elements()) out.push_back(each.as_string());
  return out;
}

inline std::map<std::string, std::string> text_members_at(const docker::json& object, std::string_view name) {
  std::map<std::string, std::string> out;
  if (const docker::json* found = object.find(name))
    for (const auto& [key, value] : found->object_members()) out[key] = value.as_string();
  return out;
}

/// setup.json of a project in data/load; null when it has none.
inline docker::json setup_of(const std::filesystem::path& folder) {
  return std::filesystem::exists(folder / "setup.json") ? docker::json::parse(read_whole(folder / "setup.json"))
                                                        : docker::json();
}

/// How a project of data/load is loaded.
inline load_request load_request_of(const std::filesystem::path& folder) {
  const docker::json setup = setup_of(folder);
  load_request request;
  request.current_directory = (folder / setup.string_at({"directory"}, ".")).lexically_normal();
  if (request.current_directory.filename().empty()) request.current_directory = request.current_directory.parent_path();
  request.files = texts_at(setup, "files");
  request.env_files = texts_at(setup, "env_files");
  request.profiles = texts_at(setup, "profiles");
  request.environment = text_members_at(setup, "environment");
  request.environment["HOME"] = "/home/user";
  return request;
}

/// How a project of data/create_body is loaded.
inline load_request create_body_request_of(const std::filesystem::path& folder) {
  load_request request;
  request.current_directory = folder;
  request.files = {"compose.yaml"};
  if (std::filesystem::exists(folder / "more.yaml")) request.files.push_back("more.yaml");
  if (std::filesystem::exists(folder / "settings.env")) request.env_files = {"settings.env"};
  request.environment["HOME"] = "/root";
  return request;
}

}  // namespace orchestration
