#include "tests/support/fake_images.hpp"

#include <array>

namespace orchestration {
namespace {

constexpr std::string_view id_prefix = "sha256:";

bool is_id(const std::string& text) { return text.starts_with(id_prefix) && text.find('@') == std::string::npos; }

bool is_hex(const std::string& text) { return text.find_first_not_of("0123456789abcdef") == std::string::npos; }

std::string digest_of(const std::string& reference) {
  const auto at = reference.find('@');
  return at == std::string::npos ? std::string() : reference.substr(at + 1);
}

/// A tag and its own repository's digest count as one name, as the engine counts them.
bool has_one_name(const fake_image& image) {
  std::set<std::string> repositories;
  for (const auto& digest : image.repo_digests) repositories.insert(repository_of(digest));
  for (const auto& tag : image.tags) repositories.insert(repository_of(tag));
  return image.tags.size() <= 1 && repositories.size() <= 1;
}

}  // namespace

std::string hex64(const std::string& text) {
  std::string out;
  std::uint64_t hash = 14695981039346656037ull;  // FNV-1a, run on for as many digits as are wanted
  while (out.size() < 64) {
    for (const unsigned char c : text + std::to_string(out.size())) hash = (hash ^ c) * 1099511628211ull;
    for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(hash >> shift) & 15];
  }
  return out;
}

std::string repository_of(const std::string& reference) {
  std::string name = reference.substr(0, reference.find('@'));
  const auto colon = name.rfind(':');
  const auto slash = name.rfind('/');
  if (colon != std::string::npos && (slash == std::string::npos || colon > slash)) name.resize(colon);
  for (const std::string_view prefix : {"docker.io/", "library/"}) {
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
  }
  return name;
}

std::string full_reference(const std::string& reference) {
  if (is_id(reference)) return reference;
  const std::string repository = repository_of(reference);
  if (const std::string digest = digest_of(reference); !digest.empty()) return repository + "@" + digest;
  const auto slash = reference.rfind('/');
  const auto colon = reference.find(':', slash == std::string::npos ? 0 : slash);
  return repository + (colon == std::string::npos ? ":latest" : reference.substr(colon));
}

std::string fake_images::publish(const std::string& reference, image_behaviour behaviour) {
  const std::string content = full_reference(reference) + "#" + std::to_string(++publications_);
  fake_image image;
  image.id = std::string(id_prefix) + hex64("image " + content);
  image.digest = std::string(id_prefix) + hex64("manifest " + content);
  image.behaviour = std::move(behaviour);
  published_[full_reference(reference)] = image.digest;
  const std::string digest = image.digest;
  content_[digest] = std::move(image);
  return digest;
}

void fake_images::withdraw(const std::string& reference) { published_.erase(full_reference(reference)); }

std::string fake_images::load(const std::string& reference, image_behaviour behaviour) {
  fake_image image;
  image.id = std::string(id_prefix) + hex64("loaded " + full_reference(reference) + std::to_string(++publications_));
  image.behaviour = std::move(behaviour);
  store(image);
  tag(image.id, reference);
  return image.id;
}

const fake_image* fake_images::find(const std::string& reference) const {
  return const_cast<fake_images*>(this)->find_mutable(reference);
}

fake_image* fake_images::find_mutable(const std::string& reference) {
  const std::string full = full_reference(reference);
  for (auto& [id, image] : local_) {
    if (id == full || image.tags.contains(full) || image.repo_digests.contains(full)) return &image;
  }
  if (!is_hex(reference) || reference.empty()) return nullptr;
  for (auto& [id, image] : local_) {
    if (id.starts_with(std::string(id_prefix) + reference)) return &image;
  }
  return nullptr;
}

const fake_image* fake_images::find_published(const std::string& reference) const {
  const std::string full = full_reference(reference);
  std::string digest = digest_of(full);
  if (digest.empty()) {
    const auto tagged = published_.find(full);
    if (tagged == published_.end()) return nullptr;
    digest = tagged->second;
  }
  const auto found = content_.find(digest);
  return found == content_.end() ? nullptr : &found->second;
}

std::string fake_images::unreachable(const std::string& reference) const {
  const std::string registry = reference.substr(0, reference.find('/'));
  if (registry_is_up && !unreachable_registries.contains(registry)) return "";
  return "Get \"http://" + registry + "/v2/\": dial tcp " + registry + ": connect: connection refused";
}

fake_image& fake_images::store(const fake_image& image) { return local_.try_emplace(image.id, image).first->second; }

bool fake_images::take_from_registry(const std::string& reference) {
  const fake_image* published = find_published(reference);
  const std::string full = full_reference(reference);
  const fake_image* before = find(full);
  const bool is_new = before == nullptr || before->id != published->id;
  fake_image& local = store(*published);
  local.repo_digests.insert(repository_of(full) + "@" + published->digest);
  if (digest_of(full).empty()) tag(local.id, full);
  return is_new;
}

void fake_images::tag(const std::string& id, const std::string& reference) {
  const std::string full = full_reference(reference);
  drop_tag_elsewhere(full, id);
  local_.at(id).tags.insert(full);
}

void fake_images::drop_tag_elsewhere(const std::string& reference, const std::string& id) {
  for (auto& [other, image] : local_) {
    if (other != id) image.tags.erase(reference);
  }
}

std::vector<std::string> fake_images::prune(const std::set<std::string>& in_use) {
  std::vector<std::string> out;
  for (const auto& [id, image] : local_)
    if (!in_use.contains(id)) out.push_back(id);
  for (const std::string& id : out) local_.erase(id);
  return out;
}

bool fake_images::remove(const std::string& reference, bool in_use) {
  fake_image& image = *find_mutable(reference);
  const std::string full = full_reference(reference);
  if (in_use && has_one_name(image)) return false;
  if (image.tags.erase(full) == 0 && image.repo_digests.erase(full) == 0) {  // named by its id
    if (in_use) return false;
    image.tags.clear();
    image.repo_digests.clear();
  }
  // With the last tag of a repository its digest goes too (seen on 20.10).
  const std::string repository = repository_of(full);
  bool repository_has_tag = false;
  for (const auto& tag : image.tags) repository_has_tag |= repository_of(tag) == repository;
  if (!repository_has_tag) {
    std::erase_if(image.repo_digests, [&](const auto& digest) { return repository_of(digest) == repository; });
  }
  if (image.tags.empty() && image.repo_digests.empty() && !in_use) local_.erase(image.id);
  return true;
}

}  // namespace orchestration
