// repo:tag@digest, read and written as docker does (github.com/distribution/reference).
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace docker {

/// what() quotes the reference and says which part is wrong.
class image_reference_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Always normalised: "nginx" is docker.io, library/nginx.
class image_reference {
 public:
  /// image_reference_error when it is no reference, a bare 64-hex id included.
  static image_reference parse(std::string_view text);

  const std::string& registry() const noexcept { return registry_; }      // "docker.io", "127.0.0.1:5000"
  const std::string& repository() const noexcept { return repository_; }  // "library/nginx"
  const std::string& tag() const noexcept { return tag_; }                // "" when not given
  const std::string& digest() const noexcept { return digest_; }          // "sha256:…" or ""
  bool is_pinned() const noexcept { return !digest_.empty(); }

  /// Registry and repository, as people write it ("nginx", "127.0.0.1:5000/app") and in full
  /// ("docker.io/library/nginx").
  std::string familiar_name() const;
  std::string canonical_name() const;
  /// The same with tag and digest, where given. Nothing is added: "nginx" stays "nginx".
  std::string familiar() const;
  std::string canonical() const;

  /// A copy with another tag ("" removes it) and without digest, which would contradict it.
  image_reference with_tag(std::string_view tag) const;
  /// A copy with this digest ("" removes it); the tag stays.
  image_reference with_digest(std::string_view digest) const;
  /// A copy with the tag "latest" when there is neither tag nor digest.
  image_reference with_default_tag() const;

  bool operator==(const image_reference&) const = default;

 private:
  std::string registry_;
  std::string repository_;
  std::string tag_;
  std::string digest_;
};

}  // namespace docker
