#include "orchestration/run/rescue_files.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "orchestration/files/durable_file.hpp"
#include "orchestration/plan/rescue.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

constexpr const char* script_name = "rescue.sh";
constexpr const char* plan_name = "plan.json";
constexpr const char* attempt_name = "attempt.json";

rescue_options options_for(const rescue_places& places, const attempt& a) {
  rescue_options options;
  options.directory = (places.attempts / a.id).string();
  options.lock_file = places.lock_file.string();
  options.engine_id = a.settings.string_at({"engine"});
  return options;
}

const snapshot_volumes* snapshot_of(const plan& p) {
  for (const operation& o : p.operations)
    if (const auto* found = std::get_if<snapshot_volumes>(&o.what)) return found;
  return nullptr;
}

void add_archives(rescue_options& options, const snapshot_volumes& taken, const snapshot_store& snapshots) {
  const fs::path place = fs::absolute(snapshots.directory()) / taken.snapshot_id;
  for (const archived_volume& v : snapshots.read(taken.snapshot_id).volumes) {
    rescue_archive archive;
    archive.volume = v.name;
    archive.file = (place / v.archive).string();
    archive.sha256 = v.archive_sha256;
    options.archives.push_back(std::move(archive));
  }
}

docker::json left_by(const attempt& a, rescue_data data) {
  const bool dirty = a.dirty || data == rescue_data::from_archives;
  return docker::json::object({{"format", 1},
                               {"id", a.id},
                               {"kind", a.kind},
                               {"dirty", dirty},
                               {"data_is_back", a.dirty && data == rescue_data::untouched},
                               {"from_release", a.from_release},
                               {"to_release", a.to_release},
                               {"tag", a.tag},
                               {"who", a.who},
                               {"why", a.why},
                               {"started_at", a.started_at},
                               {"settings", a.settings}});
}

attempt_left read_left(const fs::path& directory) {
  const docker::json found = docker::json::parse(read_file(directory / attempt_name));
  attempt_left out;
  attempt& a = out.value;
  a.id = found.at("id").as_string();
  a.kind = found.at("kind").as_string();
  a.dirty = found.bool_at({"dirty"});
  out.data_is_back = found.bool_at({"data_is_back"});
  a.from_release = static_cast<int>(found.int64_at({"from_release"}));
  a.to_release = static_cast<int>(found.int64_at({"to_release"}));
  a.tag = found.string_at({"tag"});
  a.who = found.string_at({"who"});
  a.why = found.string_at({"why"});
  a.started_at = found.string_at({"started_at"});
  a.settings = found.at("settings");
  a.plan = docker::json::parse(read_file(directory / plan_name));
  plan_from_json(a.plan);
  return out;
}

}  // namespace

void write_rescue_files(const rescue_places& places, const attempt& a, const snapshot_store& snapshots,
                        rescue_data data) {
  if (places.attempts.empty()) return;
  const fs::path directory = places.attempts / a.id;
  try {
    const plan forward = plan_from_json(a.plan);
    rescue_options options = options_for(places, a);
    options.safety_snapshot = (fs::absolute(snapshots.directory()) / (a.id + "-safety")).string();
    const snapshot_volumes* taken = snapshot_of(forward);
    if (data == rescue_data::from_archives && taken != nullptr && snapshots.contains(taken->snapshot_id))
      add_archives(options, *taken, snapshots);
    ensure_private_directory(directory);
    write_durably(directory / plan_name, a.plan.to_pretty_text() + "\n");
    write_durably(directory / attempt_name, left_by(a, data).to_pretty_text() + "\n");
    write_durably(directory / script_name, rescue_script(forward, options));
  } catch (const std::runtime_error&) {
    std::error_code none;
    fs::remove(directory / script_name, none);
    throw;
  }
}

void remove_rescue_files(const rescue_places& places) {
  if (places.attempts.empty()) return;
  std::error_code none;
  std::vector<fs::path> directories;
  for (const auto& entry : fs::directory_iterator(places.attempts, none)) directories.push_back(entry.path());
  for (const fs::path& directory : directories) {
    for (const char* name : {script_name, plan_name, attempt_name}) remove_partials(directory / name);
    for (const char* name : {script_name, plan_name, attempt_name, rescue_begun, rescue_done})
      fs::remove(directory / name, none);
    fs::remove(directory, none);  // not while it holds copies of data
  }
}

std::optional<attempt_left> newest_attempt_left(const rescue_places& places) {
  if (places.attempts.empty()) return std::nullopt;
  std::error_code none;
  std::vector<fs::path> directories;
  for (const auto& entry : fs::directory_iterator(places.attempts, none)) directories.push_back(entry.path());
  std::sort(directories.rbegin(), directories.rend());  // ids sort by time
  for (const fs::path& directory : directories) {
    if (!fs::exists(directory / attempt_name, none)) continue;
    try {
      return read_left(directory);
    } catch (const std::runtime_error&) {
      // What cannot be read says nothing; rescue.sh beside it may.
    }
  }
  return std::nullopt;
}

fs::path find_rescue_script(const fs::path& attempts, const std::string& attempt_id) {
  if (attempts.empty()) return {};
  std::error_code none;
  fs::path script = attempts / attempt_id / script_name;
  return fs::is_regular_file(script, none) ? script : fs::path();
}

bool rescue_puts_data_back(const rescue_places& places, const std::string& attempt_id) {
  if (find_rescue_script(places.attempts, attempt_id).empty()) return false;
  try {
    const docker::json left = docker::json::parse(read_file(places.attempts / attempt_id / attempt_name));
    return left.bool_at({"dirty"}) && !left.bool_at({"data_is_back"});
  } catch (const std::runtime_error&) {
    return true;  // nobody knows
  }
}

std::optional<descriptor> lock_rescue(const rescue_places& places, const std::string& attempt_id) {
  if (places.attempts.empty()) return descriptor();
  descriptor out = open_file(places.attempts / attempt_id, O_RDONLY | O_DIRECTORY);
  if (out && uninterrupted([&] { return ::flock(out.get(), LOCK_EX | LOCK_NB); }) != 0 && errno == EWOULDBLOCK)
    return std::nullopt;
  return out;
}

rescue_progress rescue_progress_of(const rescue_places& places, const std::string& attempt_id) {
  if (places.attempts.empty()) return rescue_progress::none;
  std::error_code none;
  const fs::path directory = places.attempts / attempt_id;
  if (fs::exists(directory / rescue_done, none)) return rescue_progress::done;
  return fs::exists(directory / rescue_begun, none) ? rescue_progress::begun : rescue_progress::none;
}

}  // namespace orchestration
