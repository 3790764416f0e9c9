// What can be said of a project whose records cannot be read.
#pragma once

#include <filesystem>
#include <string>

namespace orchestration {

/// Sentences to add to an error, each beginning with ".\n": of an update that was open, as its files under attempts/
/// have it, with the script that brings the old version back. Empty: there is nothing to say.
std::string what_is_left(const std::filesystem::path& directory);

/// ".\nTo begin …: dockupd recover --rebuild -p shop"; the project is named as the directory is.
std::string rebuild_advice(const std::filesystem::path& directory);

}  // namespace orchestration
