#include "orchestration/run/placed_files.hpp"

#include <chrono>

#include "orchestration/snapshot/archive.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"

namespace orchestration {

std::string tar_of(const placed_file& file, std::int64_t mtime) {
  std::string out;
  tar_writer writer([&out](std::string_view bytes) { out += bytes; });
  tar_entry entry;
  entry.path = file.path.substr(std::min(file.path.find_first_not_of('/'), file.path.size()));
  entry.mode = static_cast<std::uint32_t>(file.mode);
  entry.user = static_cast<std::uint64_t>(file.user);
  entry.group = static_cast<std::uint64_t>(file.group);
  entry.mtime = mtime;
  entry.size = file.content.size();
  writer.begin(entry);
  writer.write(file.content);
  writer.finish();
  return out;
}

placed_file file_in(std::string_view tar) {
  tar_reader reader([&tar] {
    const std::string_view all = tar;
    tar = {};
    return all;
  });
  tar_entry entry;
  // What was asked for comes first; what is below a directory is something else.
  if (!reader.next(entry) || entry.type != entry_type::file) throw snapshot_error("there is no file in the archive");
  placed_file out;
  out.path = "/" + entry.path;
  out.mode = static_cast<int>(entry.mode);
  out.user = static_cast<int>(entry.user);
  out.group = static_cast<int>(entry.group);
  while (const auto block = reader.read()) out.content += block->bytes;
  return out;
}

docker::task<> place_files(engine& e, std::string container, std::vector<placed_file> files) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t mtime = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  // One at a time, as compose does: whose each becomes is said of the whole tar.
  for (const placed_file& file : files) {
    std::string tar = tar_of(file, mtime);
    const file_owner owner = file.to_container_user ? file_owner::container_user : file_owner::as_in_tar;
    co_await e.put_archive(container, std::move(tar), owner);
  }
}

docker::task<found_files> files_found(engine& e, std::string container, std::vector<placed_file> wanted) {
  found_files out;
  for (const placed_file& each : wanted) {
    const std::optional<std::string> tar = co_await e.get_archive(container, each.path);
    if (!tar) continue;
    try {
      placed_file found = file_in(*tar);
      found.path = each.path;
      out.files.push_back(std::move(found));  // with the ids that the engine gave it
    } catch (const snapshot_error&) {
      out.no_files.push_back(each.path);
    }
  }
  co_return out;
}

}  // namespace orchestration
