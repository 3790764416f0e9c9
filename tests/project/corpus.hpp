// The projects in data/corpus, and how each is asked for (setup.json, see compose_reference.py).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "load_fixture.hpp"

namespace orchestration {

inline const std::filesystem::path corpus = std::filesystem::path(TEST_DATA_DIR) / "corpus";

inline docker::json corpus_setup(const std::string& name) {
  const std::filesystem::path file = corpus / name / "setup.json";
  return std::filesystem::exists(file) ? docker::json::parse(read_whole(file)) : docker::json::make_object();
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

inline loaded load_corpus_project(const std::string& name) {
  const docker::json setup = corpus_setup(name);
  load_request request;
  request.current_directory = (corpus / name / setup.string_at({"directory"}, ".")).lexically_normal();
  if (request.current_directory.filename().empty()) request.current_directory = request.current_directory.parent_path();
  request.files = texts_at(setup, "files");
  request.env_files = texts_at(setup, "env_files");
  request.profiles = texts_at(setup, "profiles");
  request.project_name = setup.string_at({"project_name"});
  request.project_directory = setup.string_at({"project_directory"});
  request.environment = text_members_at(setup, "environment");
  request.environment["HOME"] = "/home/user";
  request.attributes = unsupported::told;
  return load(request);
}

}  // namespace orchestration
