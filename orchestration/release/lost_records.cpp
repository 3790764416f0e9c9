#include "orchestration/release/lost_records.hpp"

#include <algorithm>
#include <vector>

#include "docker_client/json.hpp"
#include "orchestration/files/durable_file.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

std::string words_of(const fs::path& attempt) {
  const docker::json found = docker::json::parse(read_file(attempt / "attempt.json"));
  std::string out = found.string_at({"kind"}, "attempt") + " " + attempt.filename().string();
  if (const std::string tag = found.string_at({"tag"}); !tag.empty()) out += " to " + tag;
  if (const std::string who = found.string_at({"who"}); !who.empty()) out += " by " + who;
  if (const std::string at = found.string_at({"started_at"}); !at.empty()) out += ", since " + at;
  return out;
}

}  // namespace

std::string what_is_left(const fs::path& directory) {
  std::vector<fs::path> attempts;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(directory / "attempts", none))
    if (fs::exists(entry.path() / "plan.json", none)) attempts.push_back(entry.path());
  if (attempts.empty()) return {};
  const fs::path newest = *std::max_element(attempts.begin(), attempts.end());
  std::string what = "a run " + newest.filename().string();
  try {
    what = words_of(newest);
  } catch (const std::runtime_error&) {
    // Its plan alone is there.
  }
  std::string out = ".\nNot ended: " + what + "; its plan is " + (newest / "plan.json").string();
  if (fs::exists(newest / "rescue.sh", none))
    out += ".\nThe old version, without dockupd: sh " + (newest / "rescue.sh").string();
  return out;
}

std::string rebuild_advice(const fs::path& directory) {
  return ".\nTo begin the records anew, and to undo what has not ended: dockupd recover --rebuild -p " +
         directory.filename().string() +
         "\nThe damaged files are kept beside them. Releases and holds are forgotten that way; the snapshots stay in " +
         (directory / "snapshots").string();
}

}  // namespace orchestration
