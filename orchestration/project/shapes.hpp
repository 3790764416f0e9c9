// Which attributes a compose project may have, and of what kind each may be: the compose specification as a table.
#pragma once

#include <span>
#include <string_view>

namespace orchestration {

/// Kinds of values, as bits.
namespace kind {
inline constexpr unsigned text = 1;
inline constexpr unsigned integer = 2;
inline constexpr unsigned number = 4 | integer;
inline constexpr unsigned boolean = 8;
inline constexpr unsigned null = 16;
inline constexpr unsigned list = 32;
inline constexpr unsigned mapping = 64;
inline constexpr unsigned any = 127;
}  // namespace kind

struct member_shape;

struct shape {
  unsigned kinds = kind::any;
  std::span<const std::string_view> words{};  // what a text may be; empty: anything
  const shape* item = nullptr;                // of a list; nullptr: anything
  bool unique = false;                        // no item twice
  std::span<const member_shape> members{};    // of a mapping
  const shape* other_members = nullptr;       // members of any other name
  bool extensions = false;                    // members x-… are let pass
  bool names_only = false;                    // other members are names: letters, digits and "._-"
};

struct member_shape {
  std::string_view name;
  const shape* value;
  bool required = false;
};

extern const shape project_shape;

}  // namespace orchestration
