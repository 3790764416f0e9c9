// What a snapshot says about itself: manifest.json beside the archives. The list of files is a file of its own for
// each volume (file_list.hpp), so that neither memory nor this document grows with the number of files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "docker_client/json.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"

namespace orchestration {

struct archived_volume {
  archived_volume() = default;
  std::string key;   // in the compose file; empty for an anonymous volume
  std::string name;  // the engine's
  std::string driver;
  docker::json labels;          // object or null
  docker::json driver_options;  // object or null
  std::uint64_t entries = 0;    // files, directories, links, …; the volume's root is one
  std::uint64_t bytes = 0;      // of file content, holes counted
  std::string archive;          // file name beside the manifest: <name>.tar.zst
  std::uint64_t archive_bytes = 0;
  std::string archive_sha256;  // 64 hex digits
  std::string file_list;       // file name beside the manifest: <name>.files.jsonl.zst
  std::string file_list_sha256;
  std::vector<snapshot_finding> findings;  // the first 1000
  std::uint64_t finding_count = 0;         // all of them
  bool operator==(const archived_volume&) const = default;
};

struct manifest {
  manifest() = default;
  static constexpr int newest_format = 1;
  int format = newest_format;
  std::string id;  // UTC, sorts by time: "20261121T105501Z-4f2a"
  std::string project;
  std::string reason;
  int release = 0;         // whose data; 0: of a version never verified
  std::string created_at;  // RFC 3339, UTC
  std::string tool_version;
  std::vector<std::string> images;  // that ran on the data, with digest
  std::vector<archived_volume> volumes;

  const archived_volume* find(const std::string& volume_name) const;  // nullptr: not in this snapshot
  std::uint64_t archive_bytes() const;                                // of all volumes
  bool operator==(const manifest&) const = default;
};

docker::json to_json(const manifest& m);
/// Throws docker::json_error naming the member, and snapshot_error for a format newer than newest_format.
manifest manifest_from_json(const docker::json& document);

}  // namespace orchestration
