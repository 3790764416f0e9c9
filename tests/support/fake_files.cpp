// The fake engine's archive calls: files put into containers and read from them.
#include "orchestration/run/placed_files.hpp"
#include "orchestration/snapshot/archive.hpp"
#include "tests/support/fake_call.hpp"
#include "tests/support/fake_engine.hpp"

namespace orchestration {

docker::task<> fake_engine::put_archive(std::string id, std::string tar, file_owner owner) {
  call made(*this, "put files into " + name_of(id));
  fake_container& c = existing(id);
  if (c.host_config.bool_at({"ReadonlyRootfs"}))
    throw refusal("PUT", "/containers/" + id + "/archive?path=/", 500, "container rootfs is marked read-only");
  tar_reader reader([rest = std::string_view(tar)]() mutable { return std::exchange(rest, {}); });
  tar_entry entry;
  while (reader.next(entry)) {
    if (entry.type != entry_type::file) continue;
    fake_file file;
    file.mode = entry.mode;
    // A container whose user is root, as all here.
    file.user = owner == file_owner::container_user ? 0 : entry.user;
    while (const auto block = reader.read()) file.content += block->bytes;
    c.files["/" + entry.path] = std::move(file);
  }
  made.acted();
  co_return;
}

docker::task<std::optional<std::string>> fake_engine::get_archive(std::string id, std::string path) {
  read("read " + path + " of " + name_of(id));
  const fake_container* c = find(id);
  const auto found = c == nullptr ? std::map<std::string, fake_file>::const_iterator() : c->files.find(path);
  if (c == nullptr || found == c->files.end()) co_return std::nullopt;
  placed_file file;
  file.path = path;
  file.content = found->second.content;
  file.mode = static_cast<int>(found->second.mode);
  file.user = static_cast<int>(found->second.user);
  co_return tar_of(file, now_);
}

}  // namespace orchestration
