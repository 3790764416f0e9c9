#include "orchestration/snapshot/file_list.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <utility>

#include "docker_client/json.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "orchestration/snapshot/utf8.hpp"

namespace orchestration {
namespace {

constexpr std::size_t longest_line = 1 << 20;

void put_name(docker::json& to, const std::string& member, const std::string& bytes) {
  if (is_utf8(bytes))
    to[member] = bytes;
  else
    to[member + "_hex"] = to_hex(bytes);
}

std::string take_name(const docker::json& from, const std::string& member) {
  if (const docker::json* hex = from.find(member + "_hex")) return from_hex(hex->as_string());
  return from.string_at({member});
}

descriptor open_list(const std::filesystem::path& path) {
  descriptor out = open_file(path, O_RDONLY | O_NOFOLLOW);
  if (!out) throw file_error("read", path, errno);
  return out;
}

std::string time_text(std::int64_t seconds, std::uint32_t nanoseconds) {
  std::string fraction = std::to_string(nanoseconds);
  return std::to_string(seconds) + "." + std::string(9 - fraction.size(), '0') + fraction;
}

void take_time(const std::string& text, file_record& to) {
  const char* end = text.data() + text.size();
  const auto seconds = std::from_chars(text.data(), end, to.mtime);
  if (seconds.ec != std::errc() || end - seconds.ptr != 10 || *seconds.ptr != '.' ||
      std::from_chars(seconds.ptr + 1, end, to.mtime_ns).ptr != end)
    throw snapshot_error("the list of files has a damaged time: " + text);
}

}  // namespace

std::string to_line(const file_record& record) {
  docker::json out = docker::json::make_object();
  put_name(out, "path", record.path);
  out["type"] = to_text(record.type);
  out["mode"] = static_cast<std::uint64_t>(record.mode);
  out["uid"] = record.user;
  out["gid"] = record.group;
  out["mtime"] = time_text(record.mtime, record.mtime_ns);
  if (record.type == entry_type::file) {
    out["size"] = record.size;
    out["sha256"] = record.content_sha256;
  }
  if (!record.target.empty()) put_name(out, "target", record.target);
  return out.to_text();
}

file_record file_record_from_line(std::string_view line) {
  const docker::json from = docker::json::parse(line);
  const std::optional<entry_type> type = entry_type_from(from.at("type").as_string());
  if (!type) throw snapshot_error("the list of files has an unknown type: " + from.at("type").as_string());
  file_record out;
  out.path = take_name(from, "path");
  out.type = *type;
  const std::uint64_t mode = from.at("mode").as_uint64();
  if (!std::in_range<std::uint32_t>(mode)) throw snapshot_error("the list of files has a damaged mode");
  out.mode = static_cast<std::uint32_t>(mode);
  out.user = from.at("uid").as_uint64();
  out.group = from.at("gid").as_uint64();
  take_time(from.at("mtime").as_string(), out);
  if (out.type == entry_type::file) {
    out.size = from.at("size").as_uint64();
    out.content_sha256 = from.at("sha256").as_string();
  }
  out.target = take_name(from, "target");
  return out;
}

file_list_writer::file_list_writer(const std::filesystem::path& path)
    : file_(path),
      compressed_(
          [this](std::string_view bytes) {
            hash_.update(bytes);
            file_.write(bytes);
          },
          1, 0) {}

void file_list_writer::add(const file_record& record) {
  pending_ += to_line(record) + '\n';
  if (pending_.size() < 65536) return;
  compressed_.write(pending_);
  pending_.clear();
}

std::string file_list_writer::commit() {
  compressed_.write(pending_);
  compressed_.finish();
  file_.commit();
  return hash_.hex();
}

file_list_reader::file_list_reader(const std::filesystem::path& path)
    : file_(open_list(path)), path_(path), block_(131072, '\0'), decompressed_([this] { return read_block(); }) {}

std::string_view file_list_reader::read_block() {
  const ssize_t got = uninterrupted([&] { return ::read(file_.get(), block_.data(), block_.size()); });
  if (got < 0) throw file_error("read", path_, errno);
  const std::string_view bytes(block_.data(), static_cast<std::size_t>(got));
  hash_.update(bytes);
  return bytes;
}

bool file_list_reader::next(file_record& record) {
  while (true) {
    const std::size_t end = text_.find('\n', at_);
    if (end != std::string::npos) {
      try {
        record = file_record_from_line(std::string_view(text_).substr(at_, end - at_));
      } catch (const docker::json_error& error) {
        throw snapshot_error("the list of files is damaged: " + std::string(error.what()));
      }
      at_ = end + 1;
      return true;
    }
    text_.erase(0, at_);
    at_ = 0;
    if (text_.size() > longest_line) throw snapshot_error("the list of files has a line without an end");
    const std::string_view more = decompressed_.read();
    if (more.empty() && text_.empty()) return false;
    if (more.empty()) throw snapshot_error("the list of files ends within a line");
    text_ += more;
  }
}

std::string file_list_reader::sha256_of_all() { return hash_.hex(); }

}  // namespace orchestration
