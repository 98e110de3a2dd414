#include "video/decoders.h"

#include <algorithm>
#include <new>
#include <string_view>

#include "base/error.h"
#include "video/formats.h"

extern "C" {
#include <libavutil/avstring.h>
}

namespace shijian::video {
namespace {

// libavcodec's names; those of PCM and ADPCM besides: audio_decoders().
constexpr const char* kAudioDecoders =
    "aac,aac_latm,mp3,mp3float,mp2,mp2float,mp1,mp1float,opus,libopus,vorbis,libvorbis,flac,alac,"
    "ac3,eac3,dca,truehd,mlp,tta,wavpack,ape,wmav1,wmav2,wmapro,wmalossless,wmavoice,amrnb,amrwb,"
    "g722,g726,g726le,g723_1,g729,gsm,gsm_ms,speex,nellymoser,s302m,atrac3,cook,qdm2,ra_144,ra_288,"
    "sipr";
constexpr int kMaxThreads = 16;  // each holds pictures

// The names of all audio decoders that are accepted, with commas between.
const std::string& audio_decoders() {
  static const std::string all = [] {
    std::string names = kAudioDecoders;
    void* place = nullptr;
    while (const AVCodec* codec = av_codec_iterate(&place)) {
      const std::string_view name = codec->name;
      if (!av_codec_is_decoder(codec) || codec->type != AVMEDIA_TYPE_AUDIO) continue;
      if (!name.starts_with("pcm_") && !name.starts_with("adpcm_")) continue;
      names.append(",").append(name);
    }
    return names;
  }();
  return all;
}

}  // namespace

const std::string& accepted_decoders() {
  static const std::string all = kVideoDecoders + ("," + audio_decoders());
  return all;
}

CodecPtr make_video_decoder(const AVStream& stream, const std::string& codec_name,
                            const std::string& name, int threads) {
  const AVCodecParameters* par = stream.codecpar;
  const AVCodec* codec = avcodec_find_decoder(par->codec_id);
  if (codec == nullptr || av_match_list(codec->name, kVideoDecoders, ',') <= 0) {
    if (codec_name.empty()) {
      throw Error(ErrorCode::kUnsupported,
                  "open video {}: it does not say how its pictures are coded"_text(name),
                  "convert the video to H.264 first"_text);
    }
    throw Error(ErrorCode::kUnsupported, "open video {}: no decoder for {}"_text(name, codec_name),
                "convert the video to H.264 first"_text);
  }
  CodecPtr decoder(avcodec_alloc_context3(codec));
  if (!decoder || avcodec_parameters_to_context(decoder.get(), par) < 0) throw std::bad_alloc();
  // Files that were joined have headers in the middle; several threads refuse to follow those.
  const bool follows_headers = par->codec_id == AV_CODEC_ID_THEORA;
  decoder->thread_count = follows_headers ? 1 : std::min(threads, kMaxThreads);
  decoder->max_pixels = kMaxPixels;
  decoder->pkt_timebase = stream.time_base;
  if (const int status = avcodec_open2(decoder.get(), codec, nullptr); status < 0) {
    if (status == AVERROR(EAGAIN) || status == AVERROR(ENOMEM)) throw std::bad_alloc();
    throw Error(
        ErrorCode::kInvalid,
        "open video {}: the {} decoder refuses it: {}"_text(name, codec_name, libav_reason(status)),
        "the file is damaged: copy or download it again"_text);
  }
  return decoder;
}

CodecPtr make_audio_decoder(const AVStream& stream) {
  const AVCodec* codec = avcodec_find_decoder(stream.codecpar->codec_id);
  if (codec == nullptr || av_match_list(codec->name, audio_decoders().c_str(), ',') <= 0)
    return nullptr;
  CodecPtr decoder(avcodec_alloc_context3(codec));
  if (!decoder || avcodec_parameters_to_context(decoder.get(), stream.codecpar) < 0) {
    throw std::bad_alloc();
  }
  decoder->pkt_timebase = stream.time_base;
  if (avcodec_open2(decoder.get(), codec, nullptr) < 0) return nullptr;
  return decoder;
}

}  // namespace shijian::video
