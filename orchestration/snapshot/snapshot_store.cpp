#include "orchestration/snapshot/snapshot_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>
#include <string_view>

#include "orchestration/files/durable_file.hpp"
#include "orchestration/files/failpoint.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/sha256.hpp"
#include "orchestration/snapshot/utf8.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view manifest_name = "manifest.json";
constexpr std::string_view being_built = ".partial";
constexpr std::string_view being_removed = ".removing";

bool plain(std::string_view id) {
  if (id.empty() || id.size() > 200 || id.front() == '.' || id.ends_with(being_built) || id.ends_with(being_removed))
    return false;
  return std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  });
}

fs::path with_suffix(const fs::path& path, std::string_view suffix) { return path.string() + std::string(suffix); }

std::string sha256_of(std::string_view text) {
  sha256 hash;
  hash.update(text);
  return hash.hex();
}

// A name that is short and plain stands for itself, any other for its hash: file names end at 255 bytes.
std::string file_stem(const std::string& volume_name) {
  if (plain(volume_name)) return volume_name;
  return "volume-" + sha256_of(volume_name).substr(0, 32);
}

bool is_there(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

// Whoever else can write to it decides what the volume will hold. Empty: only we can, or it is not there, which whoever
// reads it says better.
std::string problem_of_access(const fs::path& path, mode_t kind) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if ((status.st_mode & S_IFMT) != kind)
    return path.string() + " is not a plain " + (kind == S_IFDIR ? "directory" : "file");
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    return path.string() + " belongs to user " + std::to_string(status.st_uid);
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return path.string() + " can be written to by others";
  return {};
}

std::vector<std::string> problems_of_access(const archived_volume& volume, const fs::path& place) {
  std::vector<std::string> out;
  for (const std::string& name : {volume.archive, volume.file_list})
    if (std::string problem = problem_of_access(place / name, S_IFREG); !problem.empty())
      out.push_back(std::move(problem));
  return out;
}

void rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw file_error("rename", from, errno);
  sync_directory(to.parent_path());
}

void remove_tree(const fs::path& place) {
  std::error_code error;
  fs::remove_all(place, error);
  if (error) throw file_error("remove", place, error.value());
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> out;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    out.push_back(at->path().filename().string());
  if (error && error.value() != ENOENT) throw file_error("list", directory, error.value());
  std::sort(out.rbegin(), out.rend());
  return out;
}

expected_archive expected_of(const archived_volume& volume, const fs::path& place) {
  expected_archive out;
  out.volume = volume.name;
  out.archive = place / volume.archive;
  out.sha256 = volume.archive_sha256;
  out.file_list = place / volume.file_list;
  out.file_list_sha256 = volume.file_list_sha256;
  out.entries = volume.entries;
  out.bytes = volume.bytes;
  return out;
}

archive_options options_for(const std::string& volume, const snapshot_progress_function& progress,
                            std::stop_token stop) {
  archive_options out;
  out.volume = volume;
  out.progress = progress;
  out.stop = std::move(stop);
  return out;
}

archived_volume described(const volume_source& source, archived found) {
  archived_volume out;
  out.key = source.key;
  out.name = source.name;
  out.driver = source.driver;
  out.labels = source.labels;
  out.driver_options = source.driver_options;
  out.entries = found.entries;
  out.bytes = found.bytes;
  out.archive = file_stem(source.name) + ".tar.zst";
  out.archive_bytes = found.archive_bytes;
  out.archive_sha256 = std::move(found.sha256);
  out.file_list = file_stem(source.name) + ".files.jsonl.zst";
  out.file_list_sha256 = std::move(found.file_list_sha256);
  out.findings = std::move(found.findings);
  out.finding_count = found.finding_count;
  return out;
}

manifest heading(const snapshot_request& request) {
  manifest out;
  out.id = request.id;
  out.project = request.project;
  out.reason = request.reason;
  out.release = request.release;
  out.created_at = request.created_at;
  out.tool_version = request.tool_version;
  out.images = request.images;
  return out;
}

void check_volumes(const snapshot_request& request) {
  std::set<std::string> names;
  for (const volume_source& volume : request.volumes) {
    if (volume.name.empty()) throw snapshot_error("a volume to archive has no name");
    if (!names.insert(volume.name).second) throw snapshot_error("volume " + volume.name + " is to be archived twice");
    if (volume.mountpoint.empty())
      throw snapshot_error("volume " + volume.name + " has no directory on this host, so it cannot be archived");
  }
}

}  // namespace

snapshot_store::snapshot_store(fs::path directory) : directory_(std::move(directory)) {}

fs::path snapshot_store::place_of(const std::string& id) const {
  if (!plain(id)) throw snapshot_error("no name for a snapshot: '" + printable(id) + "'");
  return directory_ / id;
}

manifest snapshot_store::create(const snapshot_request& request, const snapshot_progress_function& progress,
                                std::stop_token stop) {
  const fs::path place = place_of(request.id);
  const fs::path partial = with_suffix(place, being_built);
  check_volumes(request);
  ensure_private_directory(directory_);
  if (is_there(place)) throw snapshot_error("snapshot " + request.id + " is there already");
  remove_tree(partial);
  manifest result = heading(request);
  try {
    ensure_private_directory(partial);
    fill(request, result, partial, progress, stop);
    failpoint("snapshot:complete");
    rename_durably(partial, place);
    failpoint("snapshot:listed");
  } catch (...) {
    std::error_code ignored;  // the reason for giving up matters more; remove_partials() comes by again
    fs::remove_all(partial, ignored);
    throw;
  }
  return result;
}

void snapshot_store::fill(const snapshot_request& request, manifest& result, const fs::path& place,
                          const snapshot_progress_function& progress, std::stop_token stop) const {
  for (const volume_source& source : request.volumes) {
    const std::string stem = file_stem(source.name);
    archived found = archive_volume(source.mountpoint, place / (stem + ".tar.zst"), place / (stem + ".files.jsonl.zst"),
                                    options_for(source.name, progress, stop));
    failpoint("snapshot:" + source.name + ":archived");
    result.volumes.push_back(described(source, std::move(found)));
  }
  write_durably(place / manifest_name, to_json(result).to_pretty_text() + "\n");
}

snapshot_listing snapshot_store::listing() const {
  snapshot_listing out;
  for (const std::string& name : names_in(directory_)) {
    if (!plain(name)) continue;
    try {
      out.readable.push_back(read(name));
    } catch (const std::runtime_error& error) {
      out.unreadable.push_back({name, error.what()});
    }
  }
  return out;
}

std::vector<manifest> snapshot_store::list() const { return listing().readable; }

bool snapshot_store::contains(const std::string& id) const { return plain(id) && is_there(directory_ / id); }

std::string snapshot_store::manifest_text(const std::string& id) const {
  const fs::path place = place_of(id);
  if (!is_there(place)) throw snapshot_error("there is no snapshot " + id + " in " + directory_.string());
  for (const auto& [path, kind] : {std::pair(place, S_IFDIR), std::pair(place / manifest_name, S_IFREG)})
    if (const std::string problem = problem_of_access(path, static_cast<mode_t>(kind)); !problem.empty())
      throw snapshot_error("snapshot " + id + " is not trusted: " + problem);
  try {
    return read_file(place / manifest_name, 64 * 1024 * 1024);
  } catch (const file_error& error) {
    throw snapshot_error("snapshot " + id + " is damaged: " + error.what());
  }
}

std::string snapshot_store::manifest_sha256(const std::string& id) const { return sha256_of(manifest_text(id)); }

void snapshot_store::expect_manifest(const std::string& id, const std::string& sha256) { expected_[id] = sha256; }

manifest snapshot_store::read(const std::string& id) const {
  const std::string text = manifest_text(id);
  const auto expected = expected_.find(id);
  if (expected != expected_.end() && !expected->second.empty())
    if (const std::string found = sha256_of(text); found != expected->second)
      throw snapshot_error("snapshot " + id + " is not what was recorded: " + (place_of(id) / manifest_name).string() +
                           " has SHA-256 " + found + ", recorded is " + expected->second +
                           ". Put that file back as it was, from a copy of the state directory, or do without this "
                           "snapshot");
  try {
    manifest out = manifest_from_json(docker::json::parse(text));
    if (out.id != id) throw snapshot_error("its manifest is of snapshot " + printable(out.id));
    return out;
  } catch (const docker::json_error& error) {
    throw snapshot_error("snapshot " + id + " is damaged: manifest.json: " + error.what());
  }
}

verification snapshot_store::verify(const std::string& id, const snapshot_progress_function& progress,
                                    std::stop_token stop) const {
  const manifest m = read(id);
  verification out;
  for (const archived_volume& volume : m.volumes) {
    if (std::vector<std::string> problems = problems_of_access(volume, place_of(id)); !problems.empty()) {
      out.problems.insert(out.problems.end(), problems.begin(), problems.end());
      continue;
    }
    verification one = verify_archive(expected_of(volume, place_of(id)), options_for(volume.name, progress, stop));
    out.entries += one.entries;
    out.bytes += one.bytes;
    for (const std::string& problem : one.problems) out.problems.push_back("volume " + volume.name + ": " + problem);
  }
  return out;
}

restored snapshot_store::restore(const std::string& id, const std::string& volume_name, const fs::path& mountpoint,
                                 const snapshot_progress_function& progress, std::stop_token stop) const {
  const manifest m = read(id);
  const archived_volume* volume = m.find(volume_name);
  if (volume == nullptr) throw snapshot_error("snapshot " + id + " does not hold volume " + volume_name);
  if (const std::vector<std::string> problems = problems_of_access(*volume, place_of(id)); !problems.empty())
    throw snapshot_error("the archive of " + volume_name + " is not trusted, so nothing was changed: " + problems[0]);
  return restore_volume(expected_of(*volume, place_of(id)), mountpoint, options_for(volume_name, progress, stop));
}

void snapshot_store::remove(const std::string& id) {
  const fs::path place = place_of(id);
  if (!is_there(place)) return;
  // Out of the list first: a kill half-way must not leave a snapshot that looks whole.
  const fs::path leaving = with_suffix(place, being_removed);
  remove_tree(leaving);
  rename_durably(place, leaving);
  failpoint("snapshot:unlisted");
  remove_tree(leaving);
}

void snapshot_store::remove_partials() {
  for (const std::string& name : names_in(directory_))
    if (name.ends_with(being_built) || name.ends_with(being_removed)) remove_tree(directory_ / name);
}

}  // namespace orchestration
