// The snapshots of one project on disk: <directory>/<id>/{manifest.json, <volume>.tar.zst, <volume>.files.jsonl.zst}.
// Built in <id>.partial, renamed when complete and synced: what is listed is complete. Everything blocks
// (volume_archive.hpp) and throws snapshot_error or file_error.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "docker_client/json.hpp"
#include "orchestration/snapshot/manifest.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "orchestration/snapshot/volume_archive.hpp"

namespace orchestration {

struct volume_source {
  volume_source() = default;
  std::string key;   // in the compose file; empty for an anonymous volume
  std::string name;  // the engine's
  std::string driver;
  std::filesystem::path mountpoint;  // on this host
  docker::json labels;
  docker::json driver_options;
};

struct snapshot_request {
  snapshot_request() = default;
  std::string id;  // UTC, sorts by time; letters, digits, '-', '_', '.'
  std::string project;
  std::string reason;
  int release = 0;
  std::string created_at;  // RFC 3339, UTC
  std::string tool_version;
  std::vector<std::string> images;
  std::vector<volume_source> volumes;  // quiesced: nobody writes until create() returns
};

struct unreadable_snapshot {
  std::string id;
  std::string problem;
};

/// Each snapshot is in one of them: both come from one look.
struct snapshot_listing {
  std::vector<manifest> readable;  // newest first
  std::vector<unreadable_snapshot> unreadable;
};

class snapshot_store {
 public:
  /// `directory` is made private when first written to; reading one that does not exist finds nothing.
  explicit snapshot_store(std::filesystem::path directory);

  const std::filesystem::path& directory() const { return directory_; }

  /// Archives all volumes; does not read them back (verify does). Refuses an id that is there already. What a killed
  /// run left under this id is removed first. On any failure nothing of it is left.
  manifest create(const snapshot_request& request, const snapshot_progress_function& progress = {},
                  std::stop_token stop = {});

  snapshot_listing listing() const;
  std::vector<manifest> list() const;  // the readable ones, newest first
  bool contains(const std::string& id) const;
  manifest read(const std::string& id) const;  // snapshot_error when there is none or it is damaged

  /// Of the manifest as it lies there; the manifest has those of all other files. snapshot_error as above.
  std::string manifest_sha256(const std::string& id) const;
  /// From now on a manifest with another hash is refused, by all that reads it. Empty: any will do.
  void expect_manifest(const std::string& id, const std::string& sha256);

  /// Reads back every byte of every volume; problems name their volume.
  verification verify(const std::string& id, const snapshot_progress_function& progress = {},
                      std::stop_token stop = {}) const;
  /// restore_volume() of one volume into `mountpoint`.
  restored restore(const std::string& id, const std::string& volume_name, const std::filesystem::path& mountpoint,
                   const snapshot_progress_function& progress = {}, std::stop_token stop = {}) const;

  void remove(const std::string& id);  // nothing happens when there is none
  void remove_partials();              // what killed runs left: only while the project's lock is held

 private:
  std::filesystem::path place_of(const std::string& id) const;
  void fill(const snapshot_request& request, manifest& result, const std::filesystem::path& place,
            const snapshot_progress_function& progress, std::stop_token stop) const;
  std::string manifest_text(const std::string& id) const;
  std::filesystem::path directory_;
  std::map<std::string, std::string> expected_;  // SHA-256 of manifests, by id
};

}  // namespace orchestration
