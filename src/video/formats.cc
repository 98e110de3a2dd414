#include "video/formats.h"

#include <algorithm>
#include <array>

namespace shijian::video {
namespace {

// Demuxers that open further files (playlists, image sequences, concatenations) stay out. The
// commas around a name let one be looked up in another.
constexpr std::array kFormats = {
    VideoFormat{"mp4", "video/mp4", "mp4,m4v,3gp,3g2,mj2"},
    VideoFormat{"mov", "video/quicktime", "mov,qt"},
    VideoFormat{"matroska", "video/x-matroska", "mkv,mk3d"},
    VideoFormat{"webm", "video/webm", "webm"},
    VideoFormat{"avi", "video/x-msvideo", "avi,divx"},
    VideoFormat{"mpegts", "video/mp2t", "ts,mts,m2ts,m2t,tod"},
    VideoFormat{"mpeg", "video/mpeg", "mpg,mpeg,vob,mod,m2p"},
    VideoFormat{"flv", "video/x-flv", "flv,f4v"},
    VideoFormat{"ogg", "video/ogg", "ogv,ogm"},
    VideoFormat{"asf", "video/x-ms-wmv", "wmv,asf"},
    VideoFormat{"mxf", "application/mxf", "mxf"},
    VideoFormat{"dv", "video/x-dv", "dv,dif"},
    VideoFormat{"rm", "application/vnd.rn-realmedia", "rm,rmvb"},
    VideoFormat{"nut", "video/x-nut", "nut"},
    VideoFormat{"gxf", "application/gxf", "gxf"},
    VideoFormat{"wtv", "video/x-ms-wtv", "wtv"},
    VideoFormat{"yuv4mpegpipe", "video/x-yuv4mpeg", "y4m"},
    VideoFormat{"ivf", "video/x-ivf", "ivf"},
    VideoFormat{"obu", "video/x-obu", "obu"},
    VideoFormat{"av1", "video/av1", "av1"},
    VideoFormat{"h264", "video/h264", "h264,264,avc"},
    VideoFormat{"hevc", "video/h265", "hevc,h265,265"},
    VideoFormat{"vvc", "video/h266", "vvc,h266,266"},
    VideoFormat{"mpegvideo", "video/mpv", "m1v,m2v"},
    VideoFormat{"m4v", "video/mp4v-es", "m4v"},
    VideoFormat{"vc1", "video/vc1", "vc1"},
    VideoFormat{"mjpeg", "video/x-motion-jpeg", "mjpeg,mjpg"},
    VideoFormat{"gif", "image/gif", "gif"},
    VideoFormat{"apng", "image/apng", "apng,png"},
    VideoFormat{"webp", "image/webp", "webp"},
};

}  // namespace

const char* const kVideoDecoders =
    "h264,hevc,vvc,libvvdec,vp8,vp9,libdav1d,libaom-av1,av1,mpeg4,msmpeg4v1,msmpeg4v2,msmpeg4,"
    "h261,h263,h263i,h263p,flv,mpeg1video,mpeg2video,wmv1,wmv2,wmv3,vc1,theora,vp3,vp6,vp6f,vp6a,"
    "rv10,rv20,rv30,rv40,svq1,svq3,cinepak,indeo3,indeo5,mjpeg,mjpegb,jpeg2000,libopenjpeg,dvvideo,"
    "prores,dnxhd,cfhd,ffv1,huffyuv,ffvhuff,utvideo,magicyuv,hap,v210,v410,r210,rawvideo,qtrle,"
    "msvideo1,msrle,zmbv,flashsv,flashsv2,camstudio,camtasia,tscc2,dirac,snow,speedhq,png,apng,gif,"
    "tiff";

std::span<const VideoFormat> video_formats() { return kFormats; }

bool is_video_format(std::string_view demuxer) {
  while (!demuxer.empty()) {
    const size_t comma = std::min(demuxer.find(','), demuxer.size());
    const std::string_view word = demuxer.substr(0, comma);
    if (std::any_of(kFormats.begin(), kFormats.end(),
                    [&](const VideoFormat& f) { return word == f.demuxer; })) {
      return true;
    }
    demuxer.remove_prefix(std::min(comma + 1, demuxer.size()));
  }
  return false;
}

std::string media_type_of(std::string_view container) {
  for (const VideoFormat& format : kFormats) {
    if (container == format.demuxer) return format.media_type;
  }
  return "application/octet-stream";
}

std::string video_extensions() {
  std::string all;
  for (const VideoFormat& format : kFormats) {
    std::string_view rest = format.extensions;
    while (!rest.empty()) {
      const size_t comma = std::min(rest.find(','), rest.size());
      const std::string ending = "." + std::string(rest.substr(0, comma));
      if (("," + all + ",").find("," + ending + ",") == std::string::npos) {
        all += (all.empty() ? "" : ",") + ending;
      }
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return all;
}

}  // namespace shijian::video
