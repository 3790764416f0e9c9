// What an image was asked for by, taken apart as it is written: for telling about it, and for putting another tag to
// it. Whether it is a valid reference, docker::image_reference says.
#pragma once

#include <string>

namespace orchestration {

/// "host:5000/name:tag@sha256:…"
struct image_text {
  std::string name;    // "host:5000/name"; empty: it is an image's id, which no registry knows
  std::string tag;     // "tag"; empty: none is written
  std::string digest;  // "@sha256:…"; empty: none is written
};
image_text parts_of(const std::string& image);

}  // namespace orchestration
