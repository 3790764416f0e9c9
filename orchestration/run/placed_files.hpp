// Secrets and configs that are written into a container, through the engine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "docker_client/task.hpp"
#include "orchestration/project/placed_file.hpp"
#include "orchestration/run/engine.hpp"

namespace orchestration {

/// Writes the files into the container, over what is there. The references outlive the task.
docker::task<> place_files(engine& e, std::string container, std::vector<placed_file> files);

struct found_files {
  std::vector<placed_file> files;
  std::vector<std::string> no_files;  // paths of a link, a directory or the like
};
/// What is there now in the places of `wanted`; what is not there is left out. For containers that compose made.
docker::task<found_files> files_found(engine& e, std::string container, std::vector<placed_file> wanted);

/// One file as a tar, and back. Throws snapshot_error when `tar` does not begin with a file.
std::string tar_of(const placed_file& file, std::int64_t mtime);
placed_file file_in(std::string_view tar);

}  // namespace orchestration
