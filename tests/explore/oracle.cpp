#include "tests/explore/oracle.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <set>

namespace orchestration::explore {
namespace {

namespace fs = std::filesystem;
using test::text_of;
using test::volume_content;

std::string join(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

std::string version_in(const fake_container& c) {
  const std::string reference = c.config.string_at({"Image"});
  return reference.substr(reference.rfind(':') + 1);
}

std::string service_of(const fake_container& c) { return c.config.string_at({"Labels", "com.docker.compose.service"}); }

bool is_of_the_project(const fake_container& c) {
  return c.config.string_at({"Labels", "com.docker.compose.project"}) == "shop";
}

/// The files of an archive, by libarchive alone.
volume_content content_of_archive(const std::string& bytes) {
  volume_content out;
  struct archive* reader = archive_read_new();
  archive_read_support_format_tar(reader);
  archive_read_support_filter_zstd(reader);
  if (archive_read_open_memory(reader, bytes.data(), bytes.size()) == ARCHIVE_OK) {
    struct archive_entry* entry = nullptr;
    while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
      if (archive_entry_filetype(entry) != AE_IFREG) continue;
      std::string path = archive_entry_pathname(entry);
      if (path.starts_with("./")) path.erase(0, 2);
      std::string text(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
      archive_read_data(reader, text.data(), text.size());
      out[path] = text;
    }
  }
  archive_read_free(reader);
  return out;
}

std::vector<fs::path> archives_in(const fs::path& snapshots) {
  std::vector<fs::path> out;
  std::error_code none;
  for (const auto& snapshot : fs::directory_iterator(snapshots, none)) {
    const std::string name = snapshot.path().filename().string();
    if (name.find('.') != std::string::npos || !fs::exists(snapshot.path() / "manifest.json")) continue;
    for (const auto& file : fs::directory_iterator(snapshot.path()))
      if (file.path().filename().string().ends_with(".tar.zst")) out.push_back(file.path());
  }
  return out;
}

}  // namespace

// ---- I1, I2 -----------------------------------------------------------------------------------------------------

std::string oracle::version() const {
  const fake_container* web = stage_.engine().container("shop-web-1");
  return web == nullptr || !web->is_up() ? "" : version_in(*web);
}

bool oracle::has_containers_of(const std::string& version) const {
  std::set<std::string> found;
  for (const auto& [id, c] : stage_.engine().world().containers) {
    const bool fits = service_of(c) == "db" || version_in(c) == version;
    if (is_of_the_project(c) && fits && stage_.engine().world().images.local().contains(c.image_id))
      found.insert(service_of(c));
  }
  return found == std::set<std::string>{"db", "migrate", "web"};
}

const volume_content& oracle::archived(const std::string& archive) {
  const std::string bytes = text_of(archive);
  const auto [at, is_new] = archives_.try_emplace(explore::digest_of(bytes));
  if (is_new) at->second = content_of_archive(bytes);
  return at->second;
}

bool oracle::is_archived(const volume_content& content) {
  for (const actor who : {actor::first, actor::second})
    for (const fs::path& archive : archives_in(stage_.shop(who).state() / "snapshots"))
      if (archived(archive.string()) == content) return true;
  return false;
}

bool oracle::has_data_of(const std::string& version) {
  const volume_content wanted = test::data_of(version);
  if (stage_.engine().has_volume("shop-data") && test::content_of(stage_.shop().data()) == wanted) return true;
  return is_archived(wanted);
}

/// Two of one service that run, or would when dockerd is killed now, or the machine loses power, or is shut down.
oracle::lines oracle::writers() const {
  std::map<std::string, int> now, after_a_kill, after_a_shutdown;
  for (const auto& [id, c] : stage_.engine().world().containers) {
    if (!is_of_the_project(c)) continue;
    const std::string policy = c.restart_policy();
    const bool ran = c.state != fake_state::created;
    const bool stays = policy == "always" || policy == "on-failure";
    now[service_of(c)] += c.is_up() ? 1 : 0;
    after_a_kill[service_of(c)] += ran && policy == "always" ? 1 : 0;
    after_a_shutdown[service_of(c)] += ran && (stays || (policy == "unless-stopped" && c.is_up())) ? 1 : 0;
  }
  lines out;
  for (const auto& [when, counted] : {std::pair("now", now), std::pair("once dockerd was killed", after_a_kill),
                                      std::pair("once dockerd was stopped", after_a_shutdown)})
    for (const auto& [service, count] : counted)
      if (count > 1) out.push_back("I2: " + std::to_string(count) + " of " + service + " run " + when);
  return out;
}

bool oracle::data_can_be_had(const expectation& expected) {
  return std::any_of(expected.versions.begin(), expected.versions.end(),
                     [this](const std::string& v) { return has_data_of(v); });
}

std::string oracle::on_the_way(const expectation& expected, can_come_back asked) {
  lines out = writers();
  for (const std::string& breach : stage_.shop().seen().breaches) out.push_back("I2: " + breach);
  const auto can_be_had = [&](const std::string& v) { return has_containers_of(v) && has_data_of(v); };
  if (asked == can_come_back::yes && std::none_of(expected.versions.begin(), expected.versions.end(), can_be_had))
    out.push_back("I1: no version can be brought back whole");
  if (!expected.migrated.empty() && stage_.shop().migrations_of(expected.migrated) > 1)
    out.push_back("I4: the migration to " + expected.migrated + " ran twice");
  return join(out);
}

// ---- I3, I4, I5 -------------------------------------------------------------------------------------------------

void oracle::check_containers(lines& out, const expectation& expected, const std::string& version) const {
  struct wanted {
    const char* name;
    const char* policy;
    bool runs;
    std::string image;
  };
  const std::string registry = "registry.test/shop-";
  const std::vector<wanted> all = {{"shop-db-1", "unless-stopped", true, registry + "db:15"},
                                   {"shop-migrate-1", "", false, registry + "migrate:" + version},
                                   {"shop-web-1", "always", true, registry + "web:" + version}};
  for (const wanted& w : all) {
    const fake_container* c = stage_.engine().container(w.name);
    if (c == nullptr && !w.runs && expected.pruned) continue;
    if (c == nullptr) {
      out.push_back(std::string("I3: there is no ") + w.name);
      continue;
    }
    const std::string policy = c->restart_policy() == "no" ? "" : c->restart_policy();
    if (policy != w.policy) out.push_back(std::string("I3: ") + w.name + " has restart policy \"" + policy + "\"");
    if (w.runs != (c->state == fake_state::running))
      out.push_back(std::string("I3: ") + w.name + " is " + std::string(to_text(c->state)));
    if (c->exit_code != 0) out.push_back(std::string("I3: ") + w.name + " ended with " + std::to_string(c->exit_code));
    const fake_image* image = stage_.engine().images().find(w.image);
    if (image == nullptr || image->id != c->image_id)
      out.push_back(std::string("I3: ") + w.name + " is not of " + w.image);
    if (!c->endpoints.contains("shop_default")) out.push_back(std::string("I3: ") + w.name + " is on no network");
  }
  for (const auto& [id, c] : stage_.engine().world().containers)
    if (std::none_of(all.begin(), all.end(), [&c = c](const wanted& w) { return c.name == w.name; }))
      out.push_back("I5: left over: " + c.name + ", " + std::string(to_text(c.state)));
}

void oracle::check_data(lines& out, const expectation& expected, const std::string& version) {
  const volume_content now =
      stage_.engine().has_volume("shop-data") ? test::content_of(stage_.shop().data()) : volume_content();
  if (now != test::data_of(version)) {
    std::string text = "I4: the data is not that of " + version + ":";
    for (const auto& [file, content] : now) text += " " + file + "=" + content;
    out.push_back(text);
  }
  // What the version that was left had written is somewhere still.
  const bool wrote = !expected.migrated.empty() && stage_.shop().migrations_of(expected.migrated) > 0;
  if (wrote && !expected.left_is_gone && version != expected.migrated && !is_archived(test::data_of(expected.migrated)))
    out.push_back("I4: what " + expected.migrated + " wrote is nowhere");
}

void oracle::check_leftovers(lines& out) const {
  const fs::path project = stage_.shop().env_file().parent_path();
  for (const auto& entry : fs::directory_iterator(project))
    if (entry.path() != stage_.shop().env_file()) out.push_back("I5: left over: " + entry.path().string());
  for (const actor who : {actor::first, actor::second}) {
    const fs::path state = stage_.shop(who).state();
    static const std::set<std::string> known = {"state.db",  "state.db-wal", "lock",
                                                "snapshots", "evidence",     "attempts"};
    for (const auto& entry : fs::recursive_directory_iterator(state)) {
      const std::string name = entry.path().filename().string();
      const bool is_top = entry.path().parent_path() == state;
      const bool of_an_attempt = entry.path().string().starts_with((state / "attempts/").string());
      if ((is_top && !known.contains(name)) || of_an_attempt || name.find(".partial") != std::string::npos)
        out.push_back("I5: left over: " + entry.path().string());
    }
  }
}

std::string oracle::at_the_end(const expectation& expected) {
  lines out = writers();
  const std::string found = version();
  if (std::find(expected.versions.begin(), expected.versions.end(), found) == expected.versions.end())
    out.push_back("I3: version \"" + found + "\" runs");
  check_containers(out, expected, found);
  check_data(out, expected, found);
  check_leftovers(out);
  if (text_of(stage_.shop().env_file()).find("IMAGE_TAG=" + found + " ") == std::string::npos)
    out.push_back("I3: .env has another tag than " + found);
  return join(out);
}

}  // namespace orchestration::explore
