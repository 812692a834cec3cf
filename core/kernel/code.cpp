#include "kernel/code.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "kernel/elf.h"
#include "kernel/relocate.h"

namespace anear {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 30;  // no kernel set comes near; a damaged size field does

[[noreturn]] void damaged(const std::string& what) { throw CodeError("the object file is damaged: " + what); }

// The file's bytes, read with bounds checks.
class Object {
 public:
  explicit Object(std::span<const std::byte> bytes) : bytes_(bytes) {
    header_ = read<elf::Header>(0);
    static constexpr unsigned char kMagic[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};  // 64 bits, little-endian, version 1
    if (std::memcmp(header_.ident, kMagic, sizeof kMagic) != 0) throw CodeError("not an ELF64 little-endian object");
    if (header_.type != elf::kRelocatable)
      throw CodeError("not a relocatable object (ELF type " + std::to_string(header_.type) + ")");
    if (header_.machine != host_machine()) {
      throw CodeError("the object is for machine " + std::to_string(header_.machine) + ", this one is " +
                      std::to_string(host_machine()));
    }
    if (header_.section_entry_bytes != sizeof(elf::Section)) damaged("section header size");
    sections_ = array<elf::Section>(header_.section_offset, header_.section_count, "section table");
  }

  std::uint16_t machine() const { return header_.machine; }
  const std::vector<elf::Section>& sections() const { return sections_; }

  std::span<const std::byte> range(std::uint64_t offset, std::uint64_t size, const char* what) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) damaged(std::string(what) + " outside the file");
    return bytes_.subspan(offset, size);
  }

  std::span<const std::byte> contents(const elf::Section& section) const {
    return range(section.offset, section.size, "section");
  }

  template <class T>
  T read(std::uint64_t offset) const {
    T value;
    std::memcpy(&value, range(offset, sizeof(T), "header").data(), sizeof(T));
    return value;
  }

  // Copied out: nothing in the file need be aligned.
  template <class T>
  std::vector<T> array(std::uint64_t offset, std::uint64_t count, const char* what) const {
    if (count > bytes_.size() / sizeof(T)) damaged(std::string(what) + " outside the file");
    std::vector<T> values(count);
    if (count != 0) std::memcpy(values.data(), range(offset, count * sizeof(T), what).data(), count * sizeof(T));
    return values;
  }

  template <class T>
  std::vector<T> array(const elf::Section& section, const char* what) const {
    if (section.size % sizeof(T) != 0) damaged(std::string(what) + " size");
    return array<T>(section.offset, section.size / sizeof(T), what);
  }

  std::string name(std::uint32_t strings_section, std::uint32_t offset) const {
    if (strings_section >= sections_.size()) damaged("string table number");
    const auto strings = contents(sections_[strings_section]);
    const auto* begin = reinterpret_cast<const char*>(strings.data());
    if (offset >= strings.size()) damaged("name outside its table");
    const auto* end = static_cast<const char*>(std::memchr(begin + offset, 0, strings.size() - offset));
    if (end == nullptr) damaged("name without end");
    if (std::any_of(begin + offset, end, [](char c) { return c < ' ' || c > '~'; })) damaged("name that is no text");
    return {begin + offset, end};
  }

  std::string section_name(const elf::Section& section) const { return name(header_.names_section, section.name); }

 private:
  std::span<const std::byte> bytes_;
  elf::Header header_{};
  std::vector<elf::Section> sections_;
};

// Where the sections lie in the region: first code, then constants, then variables, each kind on pages of its own.
struct Layout {
  static constexpr std::size_t kAbsent = ~std::size_t{0};
  std::vector<std::size_t> offset;     // of each section, kAbsent if it is not loaded
  std::array<std::size_t, 4> kinds{};  // where each kind begins, then the end
};

int kind(const elf::Section& section) {
  if (section.flags & elf::kExecutable) return 0;
  return section.flags & elf::kWritable ? 2 : 1;
}

bool loaded(const Object& object, const elf::Section& section) {
  if (!(section.flags & elf::kAllocated)) return false;
  // Unwind tables: kernels neither throw nor are thrown through.
  return object.section_name(section) != ".eh_frame";
}

std::size_t align(std::size_t value, std::size_t alignment) { return (value + alignment - 1) / alignment * alignment; }

void check_section(const elf::Section& section) {
  if (section.flags & elf::kThreadLocal) throw CodeError("the object has thread-local data, which is not supported");
  const std::uint64_t alignment = std::max<std::uint64_t>(section.alignment, 1);
  if ((alignment & (alignment - 1)) != 0 || alignment > page_bytes()) damaged("section alignment");
  if (section.size > kMostBytes) damaged("section size");
}

Layout lay_out(const Object& object) {
  const auto& sections = object.sections();
  Layout layout;
  layout.offset.assign(sections.size(), Layout::kAbsent);
  std::size_t end = 0;
  for (int wanted = 0; wanted < 3; ++wanted) {
    layout.kinds[wanted] = end;
    for (std::size_t i = 0; i < sections.size(); ++i) {
      if (!loaded(object, sections[i]) || kind(sections[i]) != wanted) continue;
      check_section(sections[i]);
      end = align(end, std::max<std::uint64_t>(sections[i].alignment, 1));
      layout.offset[i] = end;
      end += sections[i].size;
      if (end > kMostBytes) damaged("size of all sections");
    }
    end = align(end, page_bytes());
  }
  layout.kinds[3] = end;
  return layout;
}

void copy_sections(const Object& object, const Layout& layout, std::byte* region) {
  const auto& sections = object.sections();
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (layout.offset[i] == Layout::kAbsent || sections[i].type == elf::kNoBits) continue;
    const auto contents = object.contents(sections[i]);
    if (!contents.empty()) std::memcpy(region + layout.offset[i], contents.data(), contents.size());
  }
}

// Addresses of an object's symbols in the loaded region.
class Symbols {
 public:
  Symbols(const Object& object, const elf::Section& table, const Layout& layout, const std::byte* region)
      : object_(object),
        layout_(layout),
        region_(region),
        names_(table.link),
        symbols_(object.array<elf::Symbol>(table, "symbol table")) {}

  std::uint64_t address(std::uint64_t number) const {
    if (number >= symbols_.size()) damaged("symbol number");
    const elf::Symbol& symbol = symbols_[number];
    if (number == 0) return 0;  // "no symbol": the addend is everything
    if (symbol.section == elf::kAbsolute) return symbol.value;
    if (symbol.section == elf::kUndefined) {
      throw CodeError("the object needs the undefined symbol '" + name(symbol) + "'");
    }
    return region_address(symbol);
  }

  std::map<std::string, std::uintptr_t> functions() const {
    std::map<std::string, std::uintptr_t> found;
    for (const elf::Symbol& symbol : symbols_) {
      const bool global = (symbol.info >> 4) != elf::kLocal;
      if (!global || (symbol.info & 15) != elf::kFunction || symbol.section == elf::kUndefined) continue;
      found[name(symbol)] = static_cast<std::uintptr_t>(region_address(symbol));
    }
    return found;
  }

 private:
  std::string name(const elf::Symbol& symbol) const { return object_.name(names_, symbol.name); }

  std::uint64_t region_address(const elf::Symbol& symbol) const {
    if (symbol.section >= elf::kFirstReserved || symbol.section >= object_.sections().size()) {
      damaged("section of symbol '" + name(symbol) + "'");
    }
    const std::size_t offset = layout_.offset[symbol.section];
    if (offset == Layout::kAbsent) damaged("symbol '" + name(symbol) + "' lies in a section that is not loaded");
    if (symbol.value > object_.sections()[symbol.section].size) damaged("value of symbol '" + name(symbol) + "'");
    return reinterpret_cast<std::uintptr_t>(region_) + offset + symbol.value;
  }

  const Object& object_;
  const Layout& layout_;
  const std::byte* region_;
  std::uint32_t names_;
  std::vector<elf::Symbol> symbols_;
};

void relocate_section(const Object& object, const elf::Section& relocations, const Symbols& symbols,
                      const Layout& layout, std::byte* region) {
  if (relocations.info >= object.sections().size()) damaged("relocated section's number");
  const std::size_t start = layout.offset[relocations.info];
  if (start == Layout::kAbsent) return;  // of debug information and the like
  if (relocations.type == elf::kRel)
    throw CodeError("the object has relocations without addends, which are not supported");
  const std::uint64_t size = object.sections()[relocations.info].size;
  for (const auto& entry : object.array<elf::Relocation>(relocations, "relocation table")) {
    if (entry.offset >= size) damaged("relocation outside its section");
    const std::uint64_t target = symbols.address(entry.info >> 32) + static_cast<std::uint64_t>(entry.addend);
    relocate(object.machine(), static_cast<std::uint32_t>(entry.info), region + start + entry.offset,
             size - entry.offset, target);
  }
}

const elf::Section& symbol_table(const Object& object) {
  const auto& sections = object.sections();
  const auto found =
      std::find_if(sections.begin(), sections.end(), [](const auto& s) { return s.type == elf::kSymbolTable; });
  if (found == sections.end()) damaged("no symbol table");
  return *found;
}

}  // namespace

Code::Code(std::span<const std::byte> bytes) {
  const Object object(bytes);
  const elf::Section& table = symbol_table(object);
  const Layout layout = lay_out(object);
  const std::size_t size = layout.kinds[3];
  if (size == 0) throw CodeError("the object holds no code");
  pages_ = std::make_unique<Pages>(size);
  std::byte* region = pages_->data();
  copy_sections(object, layout, region);
  const Symbols symbols(object, table, layout, region);
  for (const elf::Section& section : object.sections()) {
    if (section.type == elf::kRela || section.type == elf::kRel) {
      relocate_section(object, section, symbols, layout, region);
    }
  }
  symbols_ = symbols.functions();
  pages_->protect(0, layout.kinds[1], Protection::read_execute);
  pages_->protect(layout.kinds[1], layout.kinds[2] - layout.kinds[1], Protection::read_only);
}

}  // namespace anear
