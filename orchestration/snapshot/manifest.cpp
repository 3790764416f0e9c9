#include "orchestration/snapshot/manifest.hpp"

#include <array>
#include <utility>

#include "orchestration/snapshot/utf8.hpp"

namespace orchestration {
namespace {

using kind = snapshot_finding::kind;
constexpr std::array<kind, 6> kinds{kind::changed,     kind::vanished,  kind::socket,
                                    kind::mount_point, kind::attribute, kind::unreadable};

int small_number(std::int64_t whole, const char* name) {
  if (!std::in_range<int>(whole)) throw docker::json_error(std::string(name) + ": expected a small number");
  return static_cast<int>(whole);
}

docker::json to_json(const snapshot_finding& finding) {
  docker::json out = docker::json::make_object();
  out["kind"] = to_text(finding.what);
  if (is_utf8(finding.path))
    out["path"] = finding.path;
  else
    out["path_hex"] = to_hex(finding.path);
  out["text"] = printable(finding.text);
  return out;
}

snapshot_finding finding_from_json(const docker::json& from) {
  snapshot_finding out;
  const std::string what = from.at("kind").as_string();
  for (const kind known : kinds)
    if (to_text(known) == what) out.what = known;
  const docker::json* hex = from.find("path_hex");
  out.path = hex != nullptr ? from_hex(hex->as_string()) : from.at("path").as_string();
  out.text = from.string_at({"text"});
  return out;
}

docker::json to_json(const archived_volume& volume) {
  docker::json out = docker::json::make_object();
  out["name"] = volume.name;
  out["key"] = volume.key;
  out["driver"] = volume.driver;
  out["labels"] = volume.labels;
  out["driver_options"] = volume.driver_options;
  out["entries"] = volume.entries;
  out["bytes"] = volume.bytes;
  out["archive"] = volume.archive;
  out["archive_bytes"] = volume.archive_bytes;
  out["archive_sha256"] = volume.archive_sha256;
  out["file_list"] = volume.file_list;
  out["file_list_sha256"] = volume.file_list_sha256;
  out["finding_count"] = volume.finding_count;
  docker::json findings = docker::json::make_array();
  for (const snapshot_finding& finding : volume.findings) findings.push_back(to_json(finding));
  out["findings"] = std::move(findings);
  return out;
}

// The names are joined to a directory when read: a manifest must not be able to point elsewhere.
std::string file_name_at(const docker::json& from, std::string_view member) {
  const std::string& name = from.at(member).as_string();
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos)
    throw snapshot_error("the manifest names a file outside the snapshot: " + printable(name));
  return name;
}

archived_volume volume_from_json(const docker::json& from) {
  archived_volume out;
  out.name = from.at("name").as_string();
  out.key = from.string_at({"key"});
  out.driver = from.string_at({"driver"});
  if (const docker::json* labels = from.find("labels")) out.labels = *labels;
  if (const docker::json* options = from.find("driver_options")) out.driver_options = *options;
  out.entries = from.at("entries").as_uint64();
  out.bytes = from.at("bytes").as_uint64();
  out.archive = file_name_at(from, "archive");
  out.archive_bytes = from.at("archive_bytes").as_uint64();
  out.archive_sha256 = from.at("archive_sha256").as_string();
  out.file_list = file_name_at(from, "file_list");
  out.file_list_sha256 = from.at("file_list_sha256").as_string();
  out.finding_count = from.at("finding_count").as_uint64();
  for (const docker::json& finding : from.at("findings").elements()) out.findings.push_back(finding_from_json(finding));
  return out;
}

}  // namespace

const archived_volume* manifest::find(const std::string& volume_name) const {
  for (const archived_volume& volume : volumes)
    if (volume.name == volume_name) return &volume;
  return nullptr;
}

std::uint64_t manifest::archive_bytes() const {
  std::uint64_t out = 0;
  for (const archived_volume& volume : volumes) out += volume.archive_bytes;
  return out;
}

docker::json to_json(const manifest& m) {
  docker::json out = docker::json::make_object();
  out["format"] = m.format;
  out["id"] = m.id;
  out["project"] = m.project;
  out["reason"] = m.reason;
  out["release"] = m.release;
  out["created_at"] = m.created_at;
  out["tool_version"] = m.tool_version;
  out["images"] = docker::json::array_of(m.images);
  docker::json volumes = docker::json::make_array();
  for (const archived_volume& volume : m.volumes) volumes.push_back(to_json(volume));
  out["volumes"] = std::move(volumes);
  return out;
}

manifest manifest_from_json(const docker::json& document) {
  manifest out;
  out.format = small_number(document.at("format").as_int64(), "format");
  if (out.format > manifest::newest_format)
    throw snapshot_error("the snapshot has format " + std::to_string(out.format) + ", this program knows up to " +
                         std::to_string(manifest::newest_format) + ": use a newer one");
  out.id = document.at("id").as_string();
  out.project = document.at("project").as_string();
  out.reason = document.string_at({"reason"});
  out.release = small_number(document.int64_at({"release"}), "release");
  out.created_at = document.string_at({"created_at"});
  out.tool_version = document.string_at({"tool_version"});
  for (const docker::json& image : document.at("images").elements()) out.images.push_back(image.as_string());
  for (const docker::json& volume : document.at("volumes").elements()) out.volumes.push_back(volume_from_json(volume));
  return out;
}

}  // namespace orchestration
