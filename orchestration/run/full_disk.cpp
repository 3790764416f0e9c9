#include "orchestration/run/full_disk.hpp"

#include <unistd.h>

#include <algorithm>

#include "docker_client/error.hpp"
#include "orchestration/files/disk_space.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/run/disk_budget.hpp"
#include "orchestration/snapshot/volume_archive.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

constexpr const char* name_in_data_root = "dockupd.ballast";
constexpr std::uint64_t too_little = 4 << 20;  // bytes; measured: the engine needs 64 KiB, the records 600, logs grow

bool says_no_room(std::string_view words) {
  // ENOSPC and EDQUOT as Go's syscall.Errno words them.
  return words.find("no space left on device") != std::string_view::npos ||
         words.find("disk quota exceeded") != std::string_view::npos;
}

void warn(workspace& w, std::string text) {
  progress_event event;
  event.what = progress_event::kind::warning;
  event.text = std::move(text);
  w.progress(event);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string megabytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

std::uint64_t bytes_of(const std::vector<volume_target>& volumes) {
  std::uint64_t bytes = 0;
  for (const volume_target& v : volumes)
    if (!v.mountpoint.empty()) bytes += measure_volume(v.mountpoint).bytes;
  return bytes;
}

struct room {
  std::uint64_t bytes = 0;
  fs::path where;
};

room needed_for_engine(const workspace& w) {
  for (const fs::path& place : w.ballast.places())
    if (place.filename() == name_in_data_root) return {too_little, place.parent_path()};
  return {too_little, w.ballast.places().empty() ? fs::path() : w.ballast.places().front().parent_path()};
}

room needed_for(const workspace& w, const action& a) {
  if (const auto* copy = std::get_if<snapshot_volumes>(&a)) return {bytes_of(copy->volumes), w.snapshots.directory()};
  if (const auto* restore = std::get_if<restore_volumes>(&a)) {
    room out;
    for (const volume_target& v : restore->volumes) out.where = v.mountpoint;
    for (const archived_volume& v : w.snapshots.read(restore->snapshot_id).volumes) out.bytes += v.bytes;
    return out;
  }
  return needed_for_engine(w);
}

std::string numbers_of(const room& needed) {
  if (needed.where.empty()) return "some space";
  const std::uint64_t least = std::max(needed.bytes, too_little);
  const disk_space space = disk_space_at(needed.where);
  const std::string inodes = space.free_inodes == 0 ? " and 0 inodes" : "";
  return "about " + mebibytes(least) + (inodes.empty() ? "" : " and some inodes") + " in " + needed.where.string() +
         ", where " + megabytes(space.free_bytes) + inodes + " are free";
}

}  // namespace

bool is_for_want_of_room(const std::exception& error) {
  if (const auto* file = dynamic_cast<const file_error*>(&error)) return file->out_of_space();
  if (const auto* records = dynamic_cast<const store_error*>(&error))
    return records->why() == store_error::kind::out_of_space;
  if (const auto* engine = dynamic_cast<const docker::error*>(&error)) return says_no_room(engine->engine_message());
  return false;
}

docker::task<fs::path> ballast_place_of(engine& e) {
  const engine_facts facts = co_await e.facts();
  const bool is_here = facts.local && !facts.data_root.empty() && ::access(facts.data_root.c_str(), X_OK) == 0;
  co_return is_here ? fs::path(facts.data_root) / name_in_data_root : fs::path();
}

docker::task<> place_ballast(workspace& w) {
  if (w.ballast.places().empty()) co_return;  // none is wanted
  const fs::path place = co_await ballast_place_of(w.engine);
  if (!place.empty()) w.ballast.add(place);
}

bool release_ballast(workspace& w, const std::string& because) {
  const std::vector<fs::path> released = w.ballast.release();
  for (const fs::path& file : released)
    warn(w, "no room (" + first_line(because) + "): the " + megabytes(w.ballast.size()) + " kept back in " +
                file.string() + " were given up, and the run goes on. Free some space on that disk");
  return !released.empty();
}

void release_ballast_when_full(workspace& w) {
  for (const fs::path& place : w.ballast.places()) {
    try {
      const std::uint64_t free = disk_space_at(place.parent_path()).free_bytes;
      if (free < too_little) release_ballast(w, std::to_string(free >> 10) + " KiB free");
    } catch (const file_error&) {
      continue;  // whoever needs room there will say so
    }
  }
}

std::vector<std::string> refill_ballast(workspace& w) {
  // Not the last room of a disk: what runs there needs some too.
  std::vector<std::string> problems = w.ballast.fill(w.ballast.size());
  for (std::string& problem : problems) {
    problem = "no room is kept back for a rollback on a full disk: " + problem;
    warn(w, problem);
  }
  return problems;
}

ballast_for_records::ballast_for_records(workspace& w) : workspace_(w) {
  w.records.when_full([&w] { return release_ballast(w, "the records could not be written"); });
}
ballast_for_records::~ballast_for_records() { workspace_.records.when_full({}); }

std::string room_for(const workspace& w, const action& a) {
  try {
    return numbers_of(needed_for(w, a));
  } catch (const std::runtime_error&) {
    return "some space";
  }
}

docker::task<std::string> room_for_engine(workspace& w) {
  co_await place_ballast(w);
  co_return numbers_of(needed_for_engine(w));
}

docker::task<std::string> dead_disk_of(engine& e) {
  fs::path kept;
  try {
    kept = co_await ballast_place_of(e);
  } catch (const docker::error&) {
    // It does not answer, and so nobody knows.
  }
  std::error_code unknown;
  const bool is_ours_to_write = fs::exists(kept, unknown);
  if (!is_ours_to_write || !takes_no_writes(kept.parent_path())) co_return std::string();
  co_return kept.parent_path().string();
}

}  // namespace orchestration
