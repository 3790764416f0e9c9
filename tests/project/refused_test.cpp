// Files that a real docker-compose 2.40.3 refuses (record_refusals.py), each with the place and path that dockupd
// names.
#include <gtest/gtest.h>

#include "load_fixture.hpp"

namespace orchestration {
namespace {

struct refused_case {
  std::string name;
  std::map<std::string, std::string> files;
  std::string compose;  // what compose says
  std::string at;       // "compose.yaml:4 services.web.ports"
};

void PrintTo(const refused_case& each, std::ostream* out) { *out << each.name; }

std::vector<refused_case> read_cases() {
  std::vector<refused_case> out;
  std::string* file = nullptr;
  for (const std::string& line : lines_of(std::filesystem::path(TEST_DATA_DIR) / "refused" / "cases.txt")) {
    if (line.starts_with("### ")) {
      out.push_back({line.substr(4), {}, "", ""});
      file = &out.back().files["compose.yaml"];
    } else if (line.starts_with("## file ")) {
      file = &out.back().files[line.substr(8)];
    } else if (line.starts_with("## compose ")) {
      out.back().compose = line.substr(11);
    } else if (line.starts_with("## at ")) {
      out.back().at = line.substr(6);
    } else {
      *file += line + "\n";
    }
  }
  return out;
}

std::string place_and_path(const finding& f) {
  const std::string line = f.where.line == 0 ? "" : ":" + std::to_string(f.where.line);
  return f.where.file + line + (f.path.empty() ? "" : " " + f.path);
}

class refused : public testing::TestWithParam<refused_case> {};

TEST_P(refused, IsRefusedWithThePlace) {
  EXPECT_FALSE(GetParam().compose.empty());
  written_project project(GetParam().files);
  project.request.project_name.clear();
  try {
    project.load();
    ADD_FAILURE() << "loaded, but compose says: " << GetParam().compose;
  } catch (const load_error& error) {
    EXPECT_EQ(place_and_path(error.findings().front()), GetParam().at) << error.what();
    EXPECT_GE(error.findings().front().what.size(), 10u);
  }
}

INSTANTIATE_TEST_SUITE_P(Compose, refused, testing::ValuesIn(read_cases()),
                         [](const testing::TestParamInfo<refused_case>& each) { return each.param.name; });

}  // namespace
}  // namespace orchestration
