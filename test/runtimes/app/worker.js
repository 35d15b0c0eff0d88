// workerd: /?base=BASE&work=WORK&options=OPTIONS
import * as wkv from "wkv";
import { works } from "./works.js";

export default {
  async fetch(request) {
    const { base, work, options } = Object.fromEntries(new URL(request.url).searchParams);
    return Response.json(await works[work](wkv, base, JSON.parse(options)));
  },
};
