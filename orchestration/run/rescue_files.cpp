#include "orchestration/run/rescue_files.hpp"

#include <stdexcept>
#include <vector>

#include "orchestration/files/durable_file.hpp"
#include "orchestration/plan/rescue.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

constexpr const char* script_name = "rescue.sh";
constexpr const char* plan_name = "plan.json";

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
    for (const char* name : {script_name, plan_name}) remove_partials(directory / name);
    for (const char* name : {script_name, plan_name, rescue_begun, rescue_done}) fs::remove(directory / name, none);
    fs::remove(directory, none);  // not while it holds copies of data
  }
}

fs::path find_rescue_script(const fs::path& attempts, const std::string& attempt_id) {
  if (attempts.empty()) return {};
  std::error_code none;
  fs::path script = attempts / attempt_id / script_name;
  return fs::is_regular_file(script, none) ? script : fs::path();
}

rescue_progress rescue_progress_of(const rescue_places& places, const std::string& attempt_id) {
  if (places.attempts.empty()) return rescue_progress::none;
  std::error_code none;
  const fs::path directory = places.attempts / attempt_id;
  if (fs::exists(directory / rescue_done, none)) return rescue_progress::done;
  return fs::exists(directory / rescue_begun, none) ? rescue_progress::begun : rescue_progress::none;
}

}  // namespace orchestration
