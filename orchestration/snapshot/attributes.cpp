#include "orchestration/snapshot/attributes.hpp"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>

#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/beneath.hpp"

namespace orchestration {
namespace {

constexpr const char* access_acl_name = "system.posix_acl_access";
constexpr const char* default_acl_name = "system.posix_acl_default";
constexpr std::uint32_t acl_version = 2;  // POSIX_ACL_XATTR_VERSION, include/uapi/linux/posix_acl_xattr.h

std::string reason(int error) { return std::generic_category().message(error); }

// An empty string when there are none or the file system has no such thing.
std::string attribute_names(const std::string& object, const attribute_trouble& trouble) {
  std::string out(4096, '\0');
  ssize_t got = ::listxattr(object.c_str(), out.data(), out.size());
  if (got < 0 && errno == ERANGE) {
    out.resize(65536);  // XATTR_LIST_MAX
    got = ::listxattr(object.c_str(), out.data(), out.size());
  }
  if (got < 0 && errno != ENOTSUP) trouble("attributes: " + reason(errno));
  out.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return out;
}

std::optional<std::string> attribute(const std::string& object, const char* name) {
  std::string out(1024, '\0');
  ssize_t got = ::getxattr(object.c_str(), name, out.data(), out.size());
  if (got < 0 && errno == ERANGE) {
    out.resize(65536);  // XATTR_SIZE_MAX
    got = ::getxattr(object.c_str(), name, out.data(), out.size());
  }
  if (got < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(got));
  return out;
}

// The kernel's form: a version, then tag, permissions and id of each entry, little endian.
template <class Integer>
Integer little_endian(std::string_view bytes) {
  Integer out = 0;
  for (std::size_t i = sizeof(Integer); i-- > 0;)
    out = static_cast<Integer>(out << 8 | static_cast<unsigned char>(bytes[i]));
  return out;
}

template <class Integer>
void append_little_endian(std::string& out, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

std::vector<acl_entry> decode_acl(std::string_view bytes) {
  std::vector<acl_entry> out;
  if (bytes.size() < 4 || little_endian<std::uint32_t>(bytes) != acl_version) return out;
  for (bytes.remove_prefix(4); bytes.size() >= 8; bytes.remove_prefix(8))
    out.push_back({little_endian<std::uint16_t>(bytes), little_endian<std::uint16_t>(bytes.substr(2)),
                   little_endian<std::uint32_t>(bytes.substr(4))});
  return out;
}

std::string encode_acl(const std::vector<acl_entry>& acl) {
  std::string out;
  append_little_endian(out, acl_version);
  for (const acl_entry& e : acl) {
    append_little_endian(out, e.tag);
    append_little_endian(out, e.permissions);
    append_little_endian(out, e.id);
  }
  return out;
}

void keep_attribute(const std::string& name, std::string value, tar_entry& to, const attribute_trouble& trouble) {
  if (name == access_acl_name) {
    to.access_acl = decode_acl(value);
  } else if (name == default_acl_name) {
    to.default_acl = decode_acl(value);
  } else if (name.starts_with("system.")) {
    trouble(name + ": kept by the file system itself, not archived");
  } else if (name.find('=') != std::string::npos) {
    trouble(name + ": tar cannot hold a name with '='");
  } else {
    to.attributes.push_back({name, std::move(value)});
  }
}

bool not_possible_here(int error) { return error == EPERM || error == ENOTSUP || error == EACCES; }

void set_attribute(const std::string& object, const std::string& name, const std::string& value,
                   const std::string& path, const attribute_trouble& trouble) {
  if (::setxattr(object.c_str(), name.c_str(), value.data(), value.size(), 0) == 0) return;
  const int error = errno;
  if (!not_possible_here(error)) throw file_error("set the attribute " + name + " of", path, error);
  trouble(name + ": " + reason(error));
}

void set_owner(int node, const tar_entry& from, const std::string& path) {
  struct stat now {};
  if (::fstat(node, &now) != 0) throw file_error("look at", path, errno);
  if (now.st_uid == from.user && now.st_gid == from.group) return;
  if (::fchownat(node, "", static_cast<uid_t>(from.user), static_cast<gid_t>(from.group), AT_EMPTY_PATH) != 0)
    throw file_error("set the owner of", path, errno);
}

}  // namespace

void read_attributes(int node, const struct stat& status, tar_entry& to, const attribute_trouble& trouble) {
  to.mode = status.st_mode & 07777;
  to.user = status.st_uid;
  to.group = status.st_gid;
  to.mtime = status.st_mtim.tv_sec;
  to.mtime_ns = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
  const std::string object = path_of_descriptor(node);
  const std::string names = attribute_names(object, trouble);
  for (std::size_t at = 0; at < names.size();) {
    const std::string name(names.c_str() + at);
    at += name.size() + 1;
    std::optional<std::string> value = attribute(object, name.c_str());
    if (value)
      keep_attribute(name, std::move(*value), to, trouble);
    else
      trouble(name + ": " + reason(errno));
  }
}

// Each step undoes what a later one sets: a new owner clears setuid and capabilities, a mode overwrites an ACL's mask,
// and everything moves the times.
void set_attributes(int node, const tar_entry& from, const std::string& path, const attribute_trouble& trouble) {
  const std::string object = path_of_descriptor(node);
  set_owner(node, from, path);
  if (from.type != entry_type::symlink && ::chmod(object.c_str(), from.mode) != 0)
    throw file_error("set the mode of", path, errno);
  for (const extended_attribute& a : from.attributes) set_attribute(object, a.name, a.value, path, trouble);
  if (!from.access_acl.empty()) set_attribute(object, access_acl_name, encode_acl(from.access_acl), path, trouble);
  if (!from.default_acl.empty()) set_attribute(object, default_acl_name, encode_acl(from.default_acl), path, trouble);
  timespec times[2] = {{0, UTIME_OMIT}, {from.mtime, static_cast<long>(from.mtime_ns)}};
  if (::utimensat(AT_FDCWD, object.c_str(), times, 0) != 0) throw file_error("set the time of", path, errno);
}

}  // namespace orchestration
