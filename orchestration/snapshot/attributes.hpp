// Owner, mode, extended attributes, ACLs and times of one file system object, through its descriptor.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>

#include "orchestration/snapshot/archive.hpp"

namespace orchestration {

/// Said for each attribute that cannot be carried over: its name and the reason.
using attribute_trouble = std::function<void(const std::string& text)>;

/// Fills in mode, owner, time, attributes and ACLs. `node` may be an O_PATH descriptor of anything.
void read_attributes(int node, const struct stat& status, tar_entry& to, const attribute_trouble& trouble);

/// Sets them all, times last. Throws file_error (naming `path`) when owner, mode or times cannot be set; an attribute
/// that this file system or user cannot have is a trouble.
void set_attributes(int node, const tar_entry& from, const std::string& path, const attribute_trouble& trouble);

}  // namespace orchestration
