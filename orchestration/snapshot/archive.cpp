#include "orchestration/snapshot/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "orchestration/snapshot/snapshot_error.hpp"

namespace orchestration {
namespace {

constexpr std::array<std::pair<entry_type, const char*>, 7> type_names{
    {{entry_type::file, "file"},
     {entry_type::directory, "directory"},
     {entry_type::symlink, "symlink"},
     {entry_type::hard_link, "hard link"},
     {entry_type::fifo, "fifo"},
     {entry_type::character_device, "character device"},
     {entry_type::block_device, "block device"}}};

struct entry_freed {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
using entry_pointer = std::unique_ptr<archive_entry, entry_freed>;

// libarchive is C: an exception must not pass through it. It is kept here and thrown when the call has come back.
struct kept_exception {
  std::exception_ptr thrown;
  void rethrow() {
    if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
  }
};

// libarchive converts names from the locale's character set to UTF-8. In the C locale, which has ASCII only, it finds
// nothing to convert and keeps other names byte for byte. The program's locale may be another.
class plain_locale {
 public:
  plain_locale() : before_(::uselocale(shared())) {}
  plain_locale(const plain_locale&) = delete;
  ~plain_locale() { ::uselocale(before_); }

 private:
  static locale_t shared() {
    static const locale_t plain = ::newlocale(LC_ALL_MASK, "C", nullptr);
    return plain;
  }
  locale_t before_;
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

[[noreturn]] void fail(struct archive* a, const std::string& what) {
  const char* reason = archive_error_string(a);
  throw snapshot_error(what + ": " + (reason != nullptr ? reason : "unknown reason"));
}

// --- our values → libarchive's ---------------------------------------------------------------------------------

unsigned file_type(entry_type type) {
  switch (type) {
    case entry_type::directory:
      return AE_IFDIR;
    case entry_type::symlink:
      return AE_IFLNK;
    case entry_type::fifo:
      return AE_IFIFO;
    case entry_type::character_device:
      return AE_IFCHR;
    case entry_type::block_device:
      return AE_IFBLK;
    case entry_type::file:
    case entry_type::hard_link:
      return AE_IFREG;
  }
  return AE_IFREG;
}

struct acl_tag {
  std::uint16_t kernel;
  int libarchive;
};
constexpr std::array<acl_tag, 6> acl_tags{{{0x01, ARCHIVE_ENTRY_ACL_USER_OBJ},
                                           {0x02, ARCHIVE_ENTRY_ACL_USER},
                                           {0x04, ARCHIVE_ENTRY_ACL_GROUP_OBJ},
                                           {0x08, ARCHIVE_ENTRY_ACL_GROUP},
                                           {0x10, ARCHIVE_ENTRY_ACL_MASK},
                                           {0x20, ARCHIVE_ENTRY_ACL_OTHER}}};

void add_acl(archive_entry* to, const std::vector<acl_entry>& acl, int type, const std::string& path) {
  for (const acl_entry& e : acl) {
    int tag = 0;
    for (const acl_tag& known : acl_tags)
      if (known.kernel == e.tag) tag = known.libarchive;
    const int id = e.id == 0xffffffffU ? -1 : static_cast<int>(e.id);
    if (tag == 0 || archive_entry_acl_add_entry(to, type, e.permissions, tag, id, nullptr) != ARCHIVE_OK)
      throw snapshot_error("the ACL of " + path + " has an entry of an unknown kind");
  }
}

void add_extents(archive_entry* to, const tar_entry& from) {
  if (!from.sparse) return;
  for (const extent& e : from.extents)
    archive_entry_sparse_add_entry(to, static_cast<la_int64_t>(e.offset), static_cast<la_int64_t>(e.length));
  // No data at all is said by an empty piece at the end.
  if (from.extents.empty()) archive_entry_sparse_add_entry(to, static_cast<la_int64_t>(from.size), 0);
}

// "./" keeps a name like "-rf" or "C:" a name, and is what `tar -c .` writes.
std::string in_tar(const std::string& path) { return "./" + path; }

entry_pointer to_libarchive(const tar_entry& from) {
  entry_pointer to(archive_entry_new());
  if (!to) throw std::bad_alloc();
  archive_entry_set_pathname(to.get(), in_tar(from.path).c_str());
  archive_entry_set_mode(to.get(), static_cast<__LA_MODE_T>(file_type(from.type) | from.mode));
  archive_entry_set_uid(to.get(), static_cast<la_int64_t>(from.user));
  archive_entry_set_gid(to.get(), static_cast<la_int64_t>(from.group));
  archive_entry_set_mtime(to.get(), from.mtime, static_cast<long>(from.mtime_ns));
  if (from.type == entry_type::file) archive_entry_set_size(to.get(), static_cast<la_int64_t>(from.size));
  if (from.type == entry_type::symlink) archive_entry_set_symlink(to.get(), from.target.c_str());
  if (from.type == entry_type::hard_link) archive_entry_set_hardlink(to.get(), in_tar(from.target).c_str());
  if (from.type == entry_type::character_device || from.type == entry_type::block_device) {
    archive_entry_set_rdevmajor(to.get(), from.device_major);
    archive_entry_set_rdevminor(to.get(), from.device_minor);
  }
  for (const extended_attribute& a : from.attributes)
    archive_entry_xattr_add_entry(to.get(), a.name.c_str(), a.value.data(), a.value.size());
  add_acl(to.get(), from.access_acl, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, from.path);
  add_acl(to.get(), from.default_acl, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, from.path);
  add_extents(to.get(), from);
  return to;
}

// --- libarchive's → ours ---------------------------------------------------------------------------------------

std::string without_dot(std::string_view path) {
  while (path.starts_with("./")) path.remove_prefix(2);
  if (path == ".") path = {};
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

std::string path_of(archive_entry* from) {
  const char* path = archive_entry_pathname(from);
  if (path == nullptr) path = archive_entry_pathname_utf8(from);
  if (path == nullptr || *path == '\0') throw snapshot_error("the archive has an entry without a name");
  return without_dot(path);
}

entry_type type_of(archive_entry* from, const std::string& path) {
  if (archive_entry_hardlink(from) != nullptr) return entry_type::hard_link;
  for (const auto& [type, name] : type_names)
    if (type != entry_type::hard_link && file_type(type) == archive_entry_filetype(from)) return type;
  throw snapshot_error("the archive has an entry of an unknown type: " + path);
}

std::string target_of(archive_entry* from, entry_type type) {
  const char* target = type == entry_type::symlink ? archive_entry_symlink(from) : archive_entry_hardlink(from);
  if (target == nullptr) return {};
  return type == entry_type::symlink ? std::string(target) : without_dot(target);
}

std::vector<extended_attribute> attributes_of(archive_entry* from) {
  std::vector<extended_attribute> out;
  archive_entry_xattr_reset(from);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK)
    out.push_back({name, std::string(static_cast<const char*>(value), size)});
  return out;
}

std::vector<acl_entry> acl_of(archive_entry* from, int want) {
  std::vector<acl_entry> out;
  // The plain three are always there for an access ACL; with nothing more they only repeat the mode.
  if (archive_entry_acl_reset(from, want) == 0) return out;
  int type = 0;
  int permissions = 0;
  int tag = 0;
  int id = 0;
  const char* name = nullptr;
  while (archive_entry_acl_next(from, want, &type, &permissions, &tag, &id, &name) == ARCHIVE_OK) {
    for (const acl_tag& known : acl_tags) {
      if (known.libarchive != tag) continue;
      const bool named = tag == ARCHIVE_ENTRY_ACL_USER || tag == ARCHIVE_ENTRY_ACL_GROUP;
      out.push_back({known.kernel, static_cast<std::uint16_t>(permissions & 7),
                     named ? static_cast<std::uint32_t>(id) : 0xffffffffU});
    }
  }
  // The kernel wants them in this order and refuses any other.
  std::sort(out.begin(), out.end(),
            [](const acl_entry& a, const acl_entry& b) { return a.tag != b.tag ? a.tag < b.tag : a.id < b.id; });
  return out;
}

void from_libarchive(archive_entry* from, tar_entry& to) {
  to = tar_entry();
  to.path = path_of(from);
  to.type = type_of(from, to.path);
  to.mode = archive_entry_mode(from) & 07777;
  to.user = static_cast<std::uint64_t>(archive_entry_uid(from));
  to.group = static_cast<std::uint64_t>(archive_entry_gid(from));
  to.mtime = archive_entry_mtime(from);
  to.mtime_ns = static_cast<std::uint32_t>(archive_entry_mtime_nsec(from));
  if (to.type == entry_type::file) to.size = static_cast<std::uint64_t>(archive_entry_size(from));
  to.target = target_of(from, to.type);
  to.device_major = static_cast<std::uint32_t>(archive_entry_rdevmajor(from));
  to.device_minor = static_cast<std::uint32_t>(archive_entry_rdevminor(from));
  to.attributes = attributes_of(from);
  to.access_acl = acl_of(from, ARCHIVE_ENTRY_ACL_TYPE_ACCESS);
  to.default_acl = acl_of(from, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT);
  to.sparse = archive_entry_sparse_count(from) > 0;
}

}  // namespace

std::string to_text(entry_type type) {
  for (const auto& [known, name] : type_names)
    if (known == type) return name;
  return "unknown";
}

std::optional<entry_type> entry_type_from(std::string_view text) {
  for (const auto& [type, name] : type_names)
    if (text == name) return type;
  return std::nullopt;
}

// --- writing ---------------------------------------------------------------------------------------------------

struct tar_writer::state {
  explicit state(byte_sink s) : sink(std::move(s)), archive(archive_write_new()) {}
  ~state() {
    given_up = true;
    archive_write_free(archive);
  }

  static la_ssize_t take(struct archive*, void* self, const void* bytes, std::size_t size) {
    auto* me = static_cast<state*>(self);
    // Freeing would write an end that makes half an archive look whole, and pad the file begun to its full size.
    if (me->given_up) return -1;
    // libarchive leaks its buffers after an error, so it is not told of ours: check() throws right after this call.
    if (me->failed) return static_cast<la_ssize_t>(size);
    try {
      me->sink(std::string_view(static_cast<const char*>(bytes), size));
      return static_cast<la_ssize_t>(size);
    } catch (...) {
      me->kept.thrown = std::current_exception();
      me->failed = true;
      return static_cast<la_ssize_t>(size);
    }
  }

  void check(la_ssize_t result, const std::string& what) {
    kept.rethrow();
    if (result < 0) fail(archive, what);
  }

  byte_sink sink;
  struct archive* archive;
  kept_exception kept;
  bool failed = false;
  bool given_up = false;
  std::string path;
};

tar_writer::tar_writer(byte_sink sink) : state_(std::make_unique<state>(std::move(sink))) {
  struct archive* a = state_->archive;
  state_->check(archive_write_set_format_pax(a), "tar");
  // Attributes in the form that GNU tar reads. hdrcharset=BINARY is not asked for: GNU tar warns of it at every single
  // entry. libarchive falls back to it where it is needed, see begin().
  state_->check(archive_write_set_options(a, "xattrheader=SCHILY"), "tar");
  // libarchive's own blocking would only copy everything once more.
  state_->check(archive_write_set_bytes_per_block(a, 0), "tar");
  state_->check(archive_write_open(a, state_.get(), nullptr, &state::take, nullptr), "tar");
}

tar_writer::~tar_writer() = default;

void tar_writer::begin(const tar_entry& entry) {
  const entry_pointer converted = to_libarchive(entry);
  state_->path = entry.path;
  const plain_locale guard;
  const int result = archive_write_header(state_->archive, converted.get());
  // Beyond ASCII libarchive warns that it stores the bytes as they are (hdrcharset=BINARY): just what is wanted.
  const bool only_of_names = result == ARCHIVE_WARN && !(is_ascii(entry.path) && is_ascii(entry.target));
  state_->check(only_of_names ? ARCHIVE_OK : result, "tar cannot hold " + entry.path);
}

void tar_writer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const la_ssize_t written = archive_write_data(state_->archive, bytes.data(), bytes.size());
    state_->check(written, "tar cannot hold " + state_->path);
    if (written == 0) throw snapshot_error("more content than was announced for " + state_->path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void tar_writer::skip(std::uint64_t length) {
  static constexpr std::array<char, 1 << 20> nothing{};
  while (length > 0) {
    const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(length, nothing.size()));
    write({nothing.data(), part});
    length -= part;
  }
}

void tar_writer::finish() { state_->check(archive_write_close(state_->archive), "tar"); }

// --- reading ---------------------------------------------------------------------------------------------------

struct tar_reader::state {
  explicit state(byte_source s) : source(std::move(s)), archive(archive_read_new()) {}
  ~state() { archive_read_free(archive); }

  static la_ssize_t give(struct archive*, void* self, const void** bytes) {
    auto* me = static_cast<state*>(self);
    try {
      const std::string_view next = me->source();
      *bytes = next.data();
      return static_cast<la_ssize_t>(next.size());
    } catch (...) {
      me->kept.thrown = std::current_exception();
      return -1;
    }
  }

  // A warning is an entry that was understood only in part: for us that is not good enough.
  void check(int result, const std::string& what) {
    kept.rethrow();
    if (result != ARCHIVE_OK) fail(archive, what);
  }

  byte_source source;
  struct archive* archive;
  kept_exception kept;
  std::string path;
};

tar_reader::tar_reader(byte_source source) : state_(std::make_unique<state>(std::move(source))) {
  state_->check(archive_read_support_format_tar(state_->archive), "tar");
  state_->check(archive_read_open(state_->archive, state_.get(), nullptr, &state::give, nullptr), "tar");
}

tar_reader::~tar_reader() = default;

bool tar_reader::next(tar_entry& entry) {
  archive_entry* found = nullptr;
  const int result = archive_read_next_header(state_->archive, &found);
  if (result == ARCHIVE_EOF) {
    state_->kept.rethrow();
    return false;
  }
  state_->check(result, "the archive cannot be read after " + (state_->path.empty() ? "its start" : state_->path));
  from_libarchive(found, entry);
  state_->path = entry.path;
  return true;
}

std::optional<tar_reader::block> tar_reader::read() {
  const void* bytes = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  const int result = archive_read_data_block(state_->archive, &bytes, &size, &offset);
  if (result == ARCHIVE_EOF) {
    state_->kept.rethrow();
    return std::nullopt;
  }
  state_->check(result, "the archive cannot be read in " + state_->path);
  return block{static_cast<std::uint64_t>(offset), {static_cast<const char*>(bytes), size}};
}

}  // namespace orchestration
