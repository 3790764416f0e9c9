// Small compose projects written to a folder of their own.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "docker_client/json.hpp"
#include "orchestration/project/load.hpp"

namespace orchestration {

inline std::string read_whole(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  EXPECT_TRUE(in) << file;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::vector<std::string> out;
  std::ifstream in(file);
  EXPECT_TRUE(in) << file;
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

/// A folder that goes with the object.
class scratch_folder {
 public:
  scratch_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "project-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for the test");
    path_ = std::filesystem::canonical(pattern);
  }
  ~scratch_folder() { std::filesystem::remove_all(path_); }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
  }

 private:
  std::filesystem::path path_;
};

/// A project in a folder named by the files, and how it is asked for.
class written_project {
 public:
  explicit written_project(const std::map<std::string, std::string>& files) {
    for (const auto& [name, text] : files) folder.write(name, text);
    request.current_directory = folder.path();
    request.environment["HOME"] = "/home/user";
    request.project_name = "shop";
  }
  explicit written_project(const std::string& compose) : written_project({{"compose.yaml", compose}}) {}

  scratch_folder folder;
  load_request request;

  loaded load() const { return orchestration::load(request); }

  /// The findings that stop the load, as text; "loaded" when nothing does.
  std::string refusal() const {
    try {
      load();
      return "loaded";
    } catch (const load_error& error) {
      return error.what();
    }
  }

  /// Notes and warnings, one a line.
  std::string findings() const {
    std::string out;
    for (const finding& each : load().findings) out += to_text(each) + "\n";
    return out;
  }
};

}  // namespace orchestration
